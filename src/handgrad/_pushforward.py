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
STEP = 1e-20  # of the complex step
UNDERFLOW = float(np.finfo(float).tiny) / STEP  # the smallest slope that it carries with all digits


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
    step: float  # of the central difference
    noise: Array  # an upper bound of the rounding error in J v, however short v is; for each entry of y
    trusted: Array  # the entries of y for which the complex step is trusted
    blur: Array  # a slope that a central difference would not see, for each entry that none has confirmed

    @property
    def method(self) -> str:
        return COMPLEX_STEP if self.trusted.all() else CENTRAL_DIFFERENCE

    def __call__(self, v: Array) -> Array:
        if self.trusted.all():
            return self.complex_step(v)
        if not self.trusted.any():
            return self.central_difference(v)
        return np.where(self.trusted, self.complex_step(v), self.central_difference(v))

    def complex_step(self, v: Array) -> Array:
        """Return ``Im f(x + ih v) / h``."""
        return self._at(1j * STEP * v).imag / STEP

    def central_difference(self, v: Array) -> Array:
        """Return ``(f(x + h v) - f(x - h v)) / 2h``."""
        return (self._at(self.step * v) - self._at(-self.step * v)) / (2 * self.step)

    def _at(self, move: Array) -> Array:
        return np.array(self.f(self.x + move))  # a copy: f may reuse its memory

    def bends(self, v: Array) -> bool:
        """Tell whether the slope along `v` jumps within the step: a kink.

        The second difference over the step measures the jump; on a smooth function it vanishes with the step,
        and what rounding leaves of it changes with the step.
        """

        def jump(step: float) -> Array:
            second: Array = self._at(step * v) - 2 * self.y + self._at(-step * v)
            return second / step

        coarse = jump(self.step)
        size, smooth = np.linalg.norm(coarse), 1e-3 * np.linalg.norm(self(v))
        if size > smooth + 10 * np.linalg.norm(self.noise):
            return True
        return bool(size > smooth and np.linalg.norm(coarse - jump(0.37 * self.step)) < 0.2 * size)


def pushforward(where: str, f: Callable[[Array], Any], x: Array, rng: np.random.Generator) -> Pushforward:
    """Return the derivative of f at x, by complex step where f allows it.

    ``Im f(x + ih v) / h`` subtracts nothing and is right to the last digits, if f computes with
    complex numbers as it does with real ones. Many functions refuse them; `abs`,
    `numpy.linalg.norm` and others answer, wrongly. So the complex step is trusted only with those
    entries of the value where it agrees with a central difference, ``(f(x + h v) - f(x - h v)) / 2h``,
    along random directions.
    """
    y = np.array(f(x.copy()))
    if y.dtype.kind != "f":
        raise TypeError(f"{where}: the value has dtype {y.dtype}; it must be real floating point")
    if not np.isfinite(y).all():
        raise ValueError(f"{where}: the value holds nan or infinity; it has no derivative there")

    # The step lies between two natural lengths, the size of x and 1: in proportion to x it would
    # leap over the bends of a softmax at logits of 1e4, and drown in rounding at 1e-6.
    length = float(np.sqrt(np.abs(x).max(initial=0.0) or 1.0))
    eps = float(np.finfo(y.dtype).eps)
    rounding = 4 * eps * np.abs(y) / length
    bound = np.maximum(rounding, 4 * eps)  # a small value may be what is left of terms of order 1

    def central(h: float) -> Pushforward:
        nowhere = np.zeros(y.shape, bool)
        return Pushforward(f, x, y, h * length, bound / h, nowhere, rounding / h)

    v = rng.standard_normal(x.shape)
    h = 6e-6
    if central(h).bends(v):  # a kink near x is out of reach of a smaller step, a kink at x is not
        h = 6e-9
    difference, finer = central(h), central(0.37 * h)

    for more in (0, 8):  # one direction convinces if all is clear; nine outweigh an accident of rounding
        directions = [v, *rng.standard_normal((more, *x.shape))]
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                slopes = np.array([difference.complex_step(v) for v in directions])
        except Exception:  # noqa: BLE001 - whatever f raises, it does not compute with complex numbers
            return difference
        coarse = np.array([difference.central_difference(v) for v in directions])
        fine = np.array([finer.central_difference(v) for v in directions])
        apart, size = np.linalg.norm(slopes - fine, axis=0), np.linalg.norm(slopes, axis=0)
        # Differences that are all 0 may have lost the slope in terms of order 1; others show their rounding.
        unseen = np.where(fine.any(axis=0), rounding, bound) / h
        trusted = apart <= 10 * np.linalg.norm(coarse - fine, axis=0) + 1e-8 * size + unseen
        confirmed = (apart <= 1e-3 * size) & (size > 0)
        if (trusted & confirmed).all():
            break
    return replace(
        difference,
        noise=np.where(trusted, bound, bound / h),
        trusted=trusted,
        blur=np.where(trusted, np.where(confirmed, 0, bound), rounding) / h,
    )
