"""What every operation asks of its arguments, and the errors that say so."""

import operator
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# An array of real floats; or of complex ones, for a derivative by complex step.
Array = NDArray[Any]


def integer(where: str, name: str, value: Any) -> int:
    """Return `value` as an int, or say what it must be."""
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(f"{where}: {name} is {value!r}; it must be an integer") from error


def finite(where: str, name: str, value: Any) -> float:
    """Return `value` as a float if it is a finite number; text and arrays are none."""
    if not isinstance(value, Real):
        raise TypeError(f"{where}: {name} is {value!r}; it must be a number")
    if not isfinite(value):
        raise ValueError(f"{where}: {name} is {value}; it must be finite")
    return float(value)


def function(where: str, name: str, value: Any) -> None:
    """Raise unless `value` can be called."""
    if not callable(value):
        raise TypeError(f"{where}: {name} is of type {type(value).__name__}; it must be a function")


def generator(where: str, rng: Any) -> np.random.Generator:
    """Return the source of random numbers that `rng` names or is."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{where}: rng is {rng!r}; it must be a numpy.random.Generator or a seed, an integer from 0 on"
        ) from error


def differentiable(operation: str, name: str, value: ArrayLike) -> Array:
    """Return `value` as an array that can be differentiated: floats, not integers."""
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{operation}: {name} has dtype {array.dtype}; it must be numbers, in floating point")
    if array.dtype.kind not in "fc":
        raise TypeError(
            f"{operation}: {name} has dtype {array.dtype}; a gradient needs floating point, "
            f"for example np.asarray({name}, float)"
        )
    return array


def as_upstream(operation: str, name: str, gradient: ArrayLike, of: Array) -> Array:
    """Return the upstream gradient in the dtype of the value that it is the gradient `of`."""
    array = np.asarray(gradient)
    if array.shape != of.shape:
        raise ValueError(
            f"{operation}: {name} has shape {array.shape}, the value it is the gradient of has "
            f"shape {of.shape}; the two must be equal"
        )
    if array.dtype == of.dtype:
        return array
    if array.dtype.kind not in ("biufc" if of.dtype.kind == "c" else "biuf"):
        raise TypeError(
            f"{operation}: {name} has dtype {array.dtype}, the value it is the gradient of has dtype {of.dtype}"
        )
    return array.astype(of.dtype)
