"""Functions of arrays that stay right for complex arguments, so that a complex step can differentiate them.

The last two axes are rows and columns.
"""

from collections.abc import Callable
from math import erfc, pi, sqrt

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.expression import ALIASES as OTHER_NAMES

from .values import Array, ShapeError, Value, product, transpose

_erfc = np.vectorize(erfc, otypes=[float])


def _phi(z: Array) -> Array:
    return np.asarray(np.exp(-z * z / 2) / sqrt(2 * pi))


def _normal_cdf(z: Array) -> Array:
    real = 0.5 * _erfc(-z.real / sqrt(2))
    if not np.iscomplexobj(z):
        return np.asarray(real)
    return np.asarray(real + 1j * z.imag * _phi(z.real))  # the first order is all a step needs


def _sigmoid(z: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * z))


ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    **{
        name: getattr(np, name)
        for name in ["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "sqrt", "log1p"]
    },
    "square": np.square,
    "sigmoid": _sigmoid,
    "softplus": lambda z: np.where(z.real > 0, z, 0) + np.log1p(np.exp(np.where(z.real > 0, -z, z))),
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "silu": lambda z: z * _sigmoid(z),
    "gelu": lambda z: z * _normal_cdf(z),
    "Phi": _normal_cdf,
    "phi": _phi,
    "abs": lambda z: np.where(z.real > 0, z, -z),
    "sign": lambda z: np.sign(z.real),
    "step": lambda z: (z.real > 0) * 1.0,
}


def softmax(z: Array, axis: int) -> Array:
    """Softmax along an axis."""
    powers = np.exp(z - z.real.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def logsumexp(z: Array, axis: int) -> Array:
    """The logarithm of the sum of the exponentials along an axis, which is kept."""
    top = z.real.max(axis=axis, keepdims=True)
    return np.asarray(top + np.log(np.exp(z - top).sum(axis=axis, keepdims=True)))


def largest(z: Array, axis: int) -> Array:
    """The largest entry along an axis, which is kept."""
    return np.take_along_axis(z, np.expand_dims(z.real.argmax(axis=axis), axis), axis)


ALONG: dict[str, Callable[[Array, int], Array]] = {
    "sum": lambda z, axis: z.sum(axis=axis, keepdims=True),
    "mean": lambda z, axis: z.mean(axis=axis, keepdims=True),
    "max": largest,
    "min": lambda z, axis: -largest(-z, axis),
    "logsumexp": logsumexp,
}


def reduce(name: str, x: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    """Sum, mean, max, min or logsumexp of everything or along one axis."""
    function = ALONG[name]
    if axis is None:
        return Value(function(function(x.array, -1), -2), x.letters)
    if x.scalar or (axis not in (0, -1) if x.vector else axis not in (0, 1, -1)):
        raise ExpressionError(f"{name}: {x.describe()} has no axis {axis}")
    along_rows = x.vector or axis == 0
    array = function(x.array, -2 if along_rows else -1)
    if x.vector:
        return Value(array, x.letters)
    if along_rows:
        made = Value(array, x.letters, False, True)
        return made if keepdims else transpose(made)
    return Value(array, x.letters, True, False, upright=keepdims)


def normalised(x: Value, axis: int = -1, *, log: bool = False) -> Value:
    """Softmax, or its logarithm, along an axis: the last one unless told."""
    if x.scalar:
        raise ExpressionError(f"softmax: {x.describe()} has no axis")
    last = -2 if x.vector or axis == 0 else -1
    return x.map(lambda z: z - logsumexp(z, last) if log else softmax(z, last))


def square(name: str, x: Value) -> Array:
    """The array of a square matrix."""
    if not (x.row and x.column) or x.shape[0] != x.shape[1]:
        raise ShapeError(f"{name}: {x.describe()} is not square")
    return x.array


def _has_full_rank(array: Array) -> bool:
    """Whether no matrix of an array loses rank; a complex step does not count."""
    return bool(np.all(np.linalg.matrix_rank(array.real) == min(array.shape[-2:])))


def inverse(x: Value) -> Value:
    """The inverse of a matrix; of a scalar, its reciprocal."""
    if x.scalar:
        return x.map(lambda z: 1 / z)
    array = square("inv", x)
    if not _has_full_rank(array):
        raise ZeroDivisionError("the inverse of a singular matrix")
    return Value(np.linalg.inv(array), x.letters, True, True)


def _trace(x: Value) -> Value:
    return Value(square("trace", x).trace(axis1=-2, axis2=-1)[..., None, None], x.letters)


def _det(x: Value) -> Value:
    return Value(np.asarray(np.linalg.det(square("det", x)))[..., None, None], x.letters)


def _logdet(x: Value) -> Value:
    return _det(x).map(lambda d: np.log(np.where(d.real > 0, d, -d)))


def _diag(x: Value) -> Value:
    if x.row != x.column:
        return Value(x.array * np.eye(max(x.shape)), x.letters, True, True)
    array = square("diag", x).diagonal(axis1=-2, axis2=-1)
    return Value(array[..., None], x.letters, True, False)


def _vec(x: Value) -> Value:
    stacked = x.array.swapaxes(-1, -2)
    return Value(stacked.reshape(*stacked.shape[:-2], -1, 1), x.letters, True, False)


def _norm(x: Value) -> Value:
    return Value(np.sqrt((x.array * x.array).sum(axis=(-2, -1), keepdims=True)), x.letters)


def _pinv(x: Value) -> Value:
    """The pseudoinverse of a matrix with full rank, from its formula, which a complex step can follow."""
    if not _has_full_rank(x.array):
        raise ZeroDivisionError("the pseudoinverse of a matrix without full rank")
    if x.shape[0] < x.shape[1]:
        return product(transpose(x), inverse(product(x, transpose(x))))
    return product(inverse(product(transpose(x), x)), transpose(x))


UNARY: dict[str, Callable[[Value], Value]] = {
    "trace": _trace,
    "det": _det,
    "logdet": _logdet,
    "diag": _diag,
    "vec": _vec,
    "norm": _norm,
    "inv": inverse,
    "pinv": _pinv,
    "transpose": transpose,
}


def kron(a: Value, b: Value) -> Value:
    """The Kronecker product."""
    if a.letters or b.letters:
        raise ExpressionError("kron takes whole matrices, without letters")
    return Value(np.kron(a.array, b.array), (), a.row or b.row, a.column or b.column)


def outer(a: Value, b: Value) -> Value:
    """The outer product of two vectors."""
    if not (a.vector and b.vector):
        raise ExpressionError(f"outer takes two vectors, not {a.describe()} and {b.describe()}")
    return product(a, transpose(b))


BINARY: dict[str, Callable[[Value, Value], Value]] = {"kron": kron, "outer": outer}
KNOWN = {*ELEMENTWISE, *ALONG, *UNARY, *BINARY}
ALIASES = {name: meant for name, meant in OTHER_NAMES.items() if meant in KNOWN and name not in KNOWN}
