"""What every operation asks of its arguments, and the errors that say so."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# An array of real floats; or of complex ones, for a derivative by complex step.
Array = NDArray[Any]


def differentiable(operation: str, name: str, value: ArrayLike) -> Array:
    """Return `value` as an array that can be differentiated: floats, not integers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        raise TypeError(
            f"{operation}: {name} has dtype {array.dtype}; a gradient needs floating point, "
            f"for example {name}.astype(float)"
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
