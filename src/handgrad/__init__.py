"""Backpropagation by hand: operations with their pullbacks, layers, and a gradient check.

>>> import numpy as np
>>> import handgrad as hg
>>> X, W, b = np.eye(2, 3), np.ones((4, 3)), np.zeros(4)
>>> Y, linear_pullback = hg.linear(X, W, b)
>>> dX, dW, db = linear_pullback(np.ones((2, 4)))
>>> dW.shape == W.shape
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .derive import Derivation, DerivationError, ExpressionError, derive, symbols

if TYPE_CHECKING:
    from .activations import gelu, leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
    from .check import Report, check_gradient, check_pullback
    from .dense import linear
    from .layers import (
        GELU,
        SGD,
        LeakyReLU,
        Linear,
        LogSoftmax,
        ReLU,
        Sequential,
        Sigmoid,
        Softmax,
        Softplus,
        Tanh,
    )
    from .layout import Layout, convert, jacobian
    from .losses import mean_squared_error, sigmoid_cross_entropy, softmax_cross_entropy

__version__ = "0.1.0"

__all__ = [
    "GELU",
    "SGD",
    "Derivation",
    "DerivationError",
    "ExpressionError",
    "Layout",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "ReLU",
    "Report",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "check_gradient",
    "check_pullback",
    "convert",
    "derive",
    "gelu",
    "jacobian",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mean_squared_error",
    "relu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "symbols",
    "tanh",
]

# A module is imported when one of its names is first used: the derivation engine is pure
# Python and must be importable, and run in a browser, without NumPy.
_HOME = {
    name: module
    for module, names in {
        "dense": "linear",
        "activations": "relu leaky_relu sigmoid tanh gelu softplus softmax log_softmax",
        "losses": "mean_squared_error softmax_cross_entropy sigmoid_cross_entropy",
        "layers": "Linear ReLU LeakyReLU Sigmoid Tanh GELU Softplus Softmax LogSoftmax Sequential SGD",
        "check": "Report check_pullback check_gradient",
        "layout": "Layout convert jacobian",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'handgrad' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
