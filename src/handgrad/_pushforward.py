"""The derivative of a function at a point, found by numbers alone.

A derivative is the linear map ``v -> J v``: how the value moves when the point moves along `v`.
The check and the Jacobian both ask for nothing else.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._arguments import Array

COMPLEX_STEP = "complex step"
CENTRAL_DIFFERENCE = "central difference"


def float64_array(where: str, name: str, x: Any) -> Array:
    """Return x as an array whose differences can be trusted, or say why they cannot."""
    if not isinstance(x, (np.ndarray, float, np.number)):
        raise TypeError(f"{where}: {name} is of type {type(x).__name__}; it must be a NumPy array of float64")
    array: Array = np.asarray(x)
    if array.dtype != np.float64:
        raise TypeError(
            f"{where}: {name} has dtype {array.dtype}; it must be float64, {name}.astype(float): "
            f"integers have no small steps, and float32 keeps too few digits to judge a gradient"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{where}: {name} holds nan or infinity; all its entries must be finite")
    return array


@dataclass(frozen=True)
class Pushforward:
    """``v -> J v`` for the Jacobian J of `f` at `x`, where ``f(x)`` is `y`."""

    f: Callable[[Array], Any]
    x: Array
    y: Array
    method: str
    step: float
    noise: float  # an upper bound of the rounding error in J v, however short v is
    blur: float  # the same bound for a central difference, the only witness of a complex step

    def __call__(self, v: Array) -> Array:
        if self.method == COMPLEX_STEP:
            return self._at(1j * self.step * v).imag / self.step
        return (self._at(self.step * v) - self._at(-self.step * v)) / (2 * self.step)

    def _at(self, move: Array) -> Array:
        return np.array(self.f(self.x + move))  # a copy: f may reuse its memory

    def bends(self, v: Array) -> bool:
        """Tell whether the slope along `v` jumps within the step: a kink.

        The second difference over the step measures the jump; on a smooth function it vanishes with the step.
        """
        jump = np.linalg.norm(self._at(self.step * v) - 2 * self.y + self._at(-self.step * v)) / self.step
        return bool(jump > 1e-3 * np.linalg.norm(self(v)) + 10 * self.noise)


def pushforward(where: str, f: Callable[[Array], Any], x: Array, rng: np.random.Generator) -> Pushforward:
    """Return the derivative of f at x, by complex step where f allows it.

    ``Im f(x + ih v) / h`` subtracts nothing and is right to the last digits, if f computes with
    complex numbers as it does with real ones. Many functions refuse them; `abs`,
    `numpy.linalg.norm` and others answer, wrongly. So the complex step is trusted only where it
    agrees with a central difference, ``(f(x + h v) - f(x - h v)) / 2h``, along a random direction.
    """
    y = np.array(f(x.copy()))
    if y.dtype.kind != "f":
        raise TypeError(f"{where}: the value has dtype {y.dtype}; it must be real floating point")
    if not np.isfinite(y).all():
        raise ValueError(f"{where}: the value holds nan or infinity; it has no derivative there")

    # The step lies between two natural lengths, the size of x and 1: in proportion to x it would
    # leap over the bends of a softmax at logits of 1e4, and drown in rounding at 1e-6.
    length = float(np.sqrt(np.abs(x).max(initial=0.0) or 1.0))
    rounding = 4 * float(np.finfo(y.dtype).eps * max(np.linalg.norm(y) / length, 1.0))

    def central(h: float) -> Pushforward:
        return Pushforward(f, x, y, CENTRAL_DIFFERENCE, h * length, rounding / h, rounding / h)

    v = rng.standard_normal(x.shape)
    difference = central(6e-6)
    if difference.bends(v):  # a kink near x is out of reach of a smaller step, a kink at x is not
        difference = central(6e-9)
    exact = replace(difference, method=COMPLEX_STEP, step=1e-20, noise=rounding)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            slope = exact(v)
    except Exception:  # noqa: BLE001 - whatever f raises, it does not compute with complex numbers
        return difference
    finer = replace(difference, step=difference.step / 2)(v)
    doubt = 10 * np.linalg.norm(difference(v) - finer) + difference.noise
    trusted = np.linalg.norm(slope - finer) <= doubt + 1e-8 * np.linalg.norm(slope)
    return exact if trusted else difference
