"""The adjoint identity, ``<G, J v> = <J^T G, v>``, on a set of directions v.

The left side asks for values of the function only, the right side for the gradient ``J^T G``
only. A gradient is right when the two agree for every v: that is the whole check.
"""

from dataclasses import replace

import numpy as np

from ._arguments import Array
from ._pushforward import COMPLEX_STEP, UNDERFLOW, Pushforward


class Adjoint:
    """Both sides of the identity, along one direction for each entry of x.

    Then the directions are the unit vectors and both sides are the gradient's entries. Where that
    would be too many, eight random directions: a wrong gradient agrees with none of them.
    """

    def __init__(self, push: Pushforward, rng: np.random.Generator) -> None:
        x, y = push.x, push.y
        self.push = push
        self.rng = rng
        self.entrywise = x.size * max(y.size, 1000) <= 1_000_000
        self.V = np.eye(x.size) if self.entrywise else rng.standard_normal((8, x.size))
        self.JV = self._along(push, self.V)
        self.tolerance = 1e-10 if push.method == COMPLEX_STEP else 1e-6

    def _along(self, push: Pushforward, V: Array) -> Array:
        """Return J v for each direction v, as rows."""
        return np.reshape([push(v.reshape(push.x.shape)) for v in V], (len(V), push.y.size))

    def expected(self, G: Array) -> Array:
        """Return <G, J v> for each direction v."""
        along: Array = np.dot(self.JV, np.ravel(G))
        return along

    def claimed(self, gradient: Array) -> Array:
        """Return <gradient, v> for each direction v."""
        along: Array = np.dot(self.V, np.ravel(gradient))
        return along

    def slack(self, G: Array) -> float:
        """Return how far apart the two sides may be: ten digits by complex step, six by difference."""
        by_difference = self.expected(np.where(self.push.trusted, 0, G))
        return float(1e-10 * np.linalg.norm(self.expected(G)) + 1e-6 * np.linalg.norm(by_difference))

    def noise(self, G: Array) -> float:
        """Return how far rounding alone can drive the two sides apart, if their terms are of order 1."""
        return self._total(self.push.noise, G)

    def blur(self, G: Array) -> float:
        """Return how far apart the two sides can be unseen by a central difference."""
        return self._total(self.push.blur, G)

    def rounding(self, G: Array) -> float:
        """Return how far the left side moves when nothing but rounding changes."""
        moved = [UNDERFLOW]
        for _ in range(1 + 8 // len(self.V)):  # a single number may be the same by accident
            near = replace(self.push, x=beside_itself(self.push.x, self.rng))
            scale = self.rng.uniform(0.5, 0.9)
            again = np.dot(self._along(near, scale * self.V), np.ravel(G)) / scale
            moved.append(float(np.linalg.norm(again - self.expected(G))))
        return max(moved)

    def _total(self, error: Array, G: Array) -> float:
        return float(np.linalg.norm(error * G) * np.sqrt(len(self.V)))


def beside_itself(x: Array, rng: np.random.Generator) -> Array:
    """Return a point that differs from x in the last digit."""
    return x * (1 + np.finfo(float).eps * rng.standard_normal(x.shape))
