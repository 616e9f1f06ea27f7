"""Functions of arrays that stay right for complex arguments, so that a complex step can differentiate them.

The last two axes are rows and columns.
"""

from collections.abc import Callable
from functools import partial
from math import erf, erfc, pi, sqrt
from operator import methodcaller
from typing import NamedTuple

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.language import functions as engine
from handgrad.derive.language.calls import misspelled
from handgrad.derive.language.formula import CALLABLE
from handgrad.derive.language.names import ALIASES as OTHER_NAMES
from handgrad.derive.language.names import RESERVED
from handgrad.derive.spelling.source import compile_source

from .values import Array, ShapeError, Value, product, transpose


def _from_real(function: Callable[[float], float], slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function that NumPy lacks; of a complex argument the first order, which is all that a step needs."""
    on_arrays = np.vectorize(function, otypes=[float])

    def extended(z: Array) -> Array:
        real = on_arrays(z.real)
        return np.asarray(real + 1j * z.imag * slope(z.real) if np.iscomplexobj(z) else real)

    return extended


def _spelled(numpy: str) -> Callable[[Array], Array]:
    """What the engine writes for a function: NumPy's name for it, or a formula in ``z``."""
    value = f"{numpy}(z)" if numpy.removeprefix("np.").isidentifier() else numpy
    return compile_source(f"import math\nimport numpy as np\ndef function(z):\n    return {value}\n", "function")


_normal_cdf = _from_real(lambda z: 0.5 * erfc(-z / sqrt(2)), lambda z: np.exp(-z * z / 2) / sqrt(2 * pi))

# The engine's functions; those that look at the sign of a number, or take no complex one, are written again.
ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    **{name: _spelled(row.numpy) for name, row in engine.ELEMENTWISE.items()},
    "square": np.square,
    "sqrt": np.sqrt,
    "softplus": lambda z: np.where(z.real > 0, z, 0) + np.log1p(np.exp(np.where(z.real > 0, -z, z))),
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
    "gelu": lambda z: z * _normal_cdf(z),
    "Phi": _normal_cdf,
    "erf": _from_real(erf, lambda z: 2 / sqrt(pi) * np.exp(-z * z)),
    "abs": lambda z: z * np.sign(z.real),
    "sign": lambda z: np.sign(z.real),
    "step": lambda z: (z.real > 0) * 1.0,
    "isnegative": lambda z: (z.real < 0) * 1.0,
    "atleast0": lambda z: (z.real >= 0) * 1.0,
    "atmost0": lambda z: (z.real <= 0) * 1.0,
    "iszero": lambda z: (z.real == 0) * 1.0,
    "notzero": lambda z: (z.real != 0) * 1.0,
}


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


def _axis(name: str, x: Value, axis: object) -> int:
    """Which of the two axes at the end NumPy's axis is."""
    if x.upright:
        raise ExpressionError(f"{name}: an axis of a vector with [:, None]; leave [:, None] out")
    axes = {0: -2, -2: -2, 1: -1, -1: -1} if x.column else {0: -2, -1: -2} if x.row else {}
    if isinstance(axis, bool) or axis not in axes:
        raise ExpressionError(f"{name}: {x.describe()} has no axis {axis}")
    return axes[axis]


def reduce(name: str, x: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    """Sum, mean, max, min or logsumexp of everything or along one axis."""
    function = ALONG[name]
    if axis is None:
        return Value(function(function(x.array, -1), -2), x.letters)
    along = _axis(name, x, axis)
    if axis == -2:
        raise ExpressionError(f"{name}: axis=-2 is written axis=0")
    array = function(x.array, along)
    if x.vector:
        return Value(array, x.letters)
    if along == -2:
        made = Value(array, x.letters, False, True)
        return made if keepdims else transpose(made)
    return Value(array, x.letters, True, False, upright=keepdims)


NORMALISED: dict[str, Callable[[Array, int], Array]] = {
    "softmax": lambda z, axis: np.exp(z - logsumexp(z, axis)),
    "log_softmax": lambda z, axis: z - logsumexp(z, axis),
}


def normalised(name: str, x: Value, axis: int = -1) -> Value:
    """Softmax, or its logarithm, along an axis: the last one unless told."""
    along = _axis(name, x, axis)
    return x.map(lambda z: NORMALISED[name](z, along))


def square(name: str, x: Value) -> Array:
    """The array of a square matrix."""
    if not (x.row and x.column) or x.shape[0] != x.shape[1]:
        raise ShapeError(f"{name}: {x.describe()} is not square")
    return x.array


def _has_full_rank(array: Array) -> bool:
    """Whether no matrix of an array loses rank or is not finite; a complex step does not count."""
    ranks = np.linalg.matrix_rank(array.real) if np.isfinite(array).all() else -1
    return bool(np.all(ranks == min(array.shape[-2:])))


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


class Function(NamedTuple):
    """A function that a claim may use.

    Attributes
    ----------
    apply : callable
        Its value, from the values of its arguments.
    arguments : int
        How many there are.
    options : tuple of str
        The keywords it takes.
    """

    apply: Callable[..., Value]
    arguments: int = 1
    options: tuple[str, ...] = ()


FUNCTIONS = {
    **{name: Function(methodcaller("map", function)) for name, function in ELEMENTWISE.items()},
    **{name: Function(partial(reduce, name), options=("axis", "keepdims")) for name in ALONG},
    **{name: Function(partial(normalised, name), options=("axis",)) for name in NORMALISED},
    "trace": Function(_trace),
    "det": Function(_det),
    "logdet": Function(_logdet),
    "diag": Function(_diag),
    "vec": Function(_vec),
    "norm": Function(_norm),
    "inv": Function(inverse),
    "pinv": Function(_pinv),
    "transpose": Function(transpose),
    "kron": Function(kron, 2),
    "outer": Function(outer, 2),
}
ALIASES = {name: meant for name, meant in OTHER_NAMES.items() if meant in FUNCTIONS and name not in FUNCTIONS}


def refuse_known(name: str) -> None:
    """Refuse the name of an unknown function that means something elsewhere, or is nearly one that does.

    What holds for the logarithm is false for an unknown function of that name, and no reader would know which is meant.
    """
    stem = name.rstrip("'")
    if stem in ELEMENTWISE:
        raise ExpressionError(f"{name} is not supported; write the derivative of {stem} as a formula")
    if stem in CALLABLE | RESERVED:
        raise ExpressionError(f"{name} is not supported in claims; choose another name for a function of your own")
    meant = misspelled(stem)
    if meant:
        raise ExpressionError(f"{name} is not known; {meant} is. Choose another name for a function of your own")
