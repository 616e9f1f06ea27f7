"""The adjoint identity, ``<G, J v> = <J^T G, v>``, on a set of directions v.

The left side asks for values of the function only, the right side for the gradient ``J^T G``
only. A gradient is right when the two agree for every v: that is the whole check.
"""

import numpy as np

from ._arguments import Array
from ._pushforward import COMPLEX_STEP, Pushforward


class Adjoint:
    """Both sides of the identity, along one direction for each entry of x.

    Then the directions are the unit vectors and both sides are the gradient's entries. Where that
    would be too many, eight random directions: a wrong gradient agrees with none of them.
    """

    def __init__(self, push: Pushforward, rng: np.random.Generator) -> None:
        x, y = push.x, push.y
        self.push = push
        self.entrywise = x.size * max(y.size, 1000) <= 1_000_000
        self.V = np.eye(x.size) if self.entrywise else rng.standard_normal((8, x.size))
        JV = [push(v.reshape(x.shape)) for v in self.V]
        self.JV = np.reshape(JV, (len(self.V), y.size))  # a row for each direction
        self.tolerance = 1e-10 if push.method == COMPLEX_STEP else 1e-6

    def expected(self, G: Array) -> Array:
        """Return <G, J v> for each direction v."""
        along: Array = np.dot(self.JV, np.ravel(G))
        return along

    def claimed(self, gradient: Array) -> Array:
        """Return <gradient, v> for each direction v."""
        along: Array = np.dot(self.V, np.ravel(gradient))
        return along

    def floor(self, G: Array) -> float:
        """Return how far rounding alone can drive the two sides apart."""
        return float(self.push.noise * np.linalg.norm(G) * np.sqrt(len(self.V)))

    def blur(self, G: Array) -> float:
        """Return how far apart the two sides can be unseen by a central difference."""
        return float(self.push.blur * np.linalg.norm(G) * np.sqrt(len(self.V)))

    def error(self, gradient: Array, G: Array) -> float:
        """Return the distance of the two sides, relative to the norm of the right gradient.

        A distance that rounding explains counts as less than the tolerance, also where the
        gradient is nearly zero.
        """
        expected, floor = self.expected(G), self.floor(G)
        distance = float(np.linalg.norm(self.claimed(gradient) - expected))
        size = float(np.linalg.norm(expected))
        if distance <= floor:
            return distance / max(size, floor / self.tolerance, np.finfo(float).tiny)
        return distance / size if size else np.inf
