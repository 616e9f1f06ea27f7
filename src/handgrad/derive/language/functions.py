"""Functions: one row each, with the derivative, the definition on plain numbers, and NumPy's spelling."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Elementwise(NamedTuple):
    """One elementwise function.

    Attributes
    ----------
    derivative : str
        The derivative, in terms of the argument ``z`` and of the value ``y``.
    value : callable
        The function of one number: the definition.
    numpy : str
        A NumPy name such as ``np.exp``, or a formula in ``z``.
    """

    derivative: str
    value: Callable[[float], float]
    numpy: str


def _sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))  # 1 / (1 + exp(-z)) without its overflow


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _normal_pdf(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


ELEMENTWISE = {
    "exp": Elementwise("y", math.exp, "np.exp"),
    "log": Elementwise("1 / z", math.log, "np.log"),
    "log1p": Elementwise("1 / (1 + z)", lambda z: math.log(1 + z), "np.log1p"),
    "log2": Elementwise("1 / (log(2) * z)", math.log2, "np.log2"),
    "log10": Elementwise("1 / (log(10) * z)", math.log10, "np.log10"),
    "expm1": Elementwise("exp(z)", math.expm1, "np.expm1"),
    "sin": Elementwise("cos(z)", math.sin, "np.sin"),
    "cos": Elementwise("-sin(z)", math.cos, "np.cos"),
    "tan": Elementwise("1 + y**2", math.tan, "np.tan"),
    "sinh": Elementwise("cosh(z)", math.sinh, "np.sinh"),
    "cosh": Elementwise("sinh(z)", math.cosh, "np.cosh"),
    "arcsin": Elementwise("1 / sqrt(1 - z**2)", math.asin, "np.arcsin"),
    "arccos": Elementwise("-1 / sqrt(1 - z**2)", math.acos, "np.arccos"),
    "arctan": Elementwise("1 / (1 + z**2)", math.atan, "np.arctan"),
    "tanh": Elementwise("1 - y**2", math.tanh, "np.tanh"),
    "sigmoid": Elementwise("y * (1 - y)", _sigmoid, "0.5 * (1 + np.tanh(0.5 * z))"),
    "softplus": Elementwise(
        "sigmoid(z)", lambda z: max(z, 0.0) + math.log(1 + math.exp(-abs(z))), "np.logaddexp(0, z)"
    ),
    "silu": Elementwise(
        "sigmoid(z) + y * (1 - sigmoid(z))", lambda z: z * _sigmoid(z), "z * 0.5 * (1 + np.tanh(0.5 * z))"
    ),
    "relu": Elementwise("z > 0", lambda z: max(z, 0.0), "np.maximum(z, 0)"),
    "leaky_relu": Elementwise("where(z > 0, 1, 0.01)", lambda z: max(z, 0.01 * z), "np.maximum(z, 0.01 * z)"),
    "elu": Elementwise(
        "where(z > 0, 1, 1 + y)",
        lambda z: z if z > 0 else math.expm1(z),
        "np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
    ),
    "step": Elementwise("0", lambda z: float(z > 0), "(z > 0) * 1.0"),
    "isnegative": Elementwise("0", lambda z: float(z < 0), "(z < 0) * 1.0"),
    "atleast0": Elementwise("0", lambda z: float(z >= 0), "(z >= 0) * 1.0"),
    "atmost0": Elementwise("0", lambda z: float(z <= 0), "(z <= 0) * 1.0"),
    "abs": Elementwise("sign(z)", abs, "np.abs"),
    "sign": Elementwise("0", lambda z: float((z > 0) - (z < 0)), "np.sign"),
    "gelu": Elementwise(
        "Phi(z) + z * phi(z)",
        lambda z: z * _normal_cdf(z),
        "0.5 * z * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2))",
    ),
    "Phi": Elementwise("phi(z)", _normal_cdf, "0.5 * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2))"),
    "phi": Elementwise("-z * y", _normal_pdf, "np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)"),
    "iszero": Elementwise("0", lambda z: float(z == 0), "(z == 0) * 1.0"),
    "notzero": Elementwise("0", lambda z: float(z != 0), "(z != 0) * 1.0"),
    "erf": Elementwise("2 * exp(-z**2) / sqrt(pi)", math.erf, "np.vectorize(math.erf, otypes=[float])(z)"),
}
MASKS = {  # printed as a comparison
    "step": ">", "isnegative": "<", "atleast0": ">=", "atmost0": "<=", "iszero": "==", "notzero": "!="
}  # fmt: skip


class ArrayFunction(NamedTuple):
    """A function of a whole array, or of each of its rows.

    Attributes
    ----------
    kind : str
        What it makes: ``"row"`` of a row a row, ``"number"`` of a row a number, ``"matrix"`` of a square
        matrix a matrix, ``"scalar"`` of a square matrix a number.
    differential : str
        ``y[...] = terms``: y is the value, z the argument, dz its differential. Letters that the value
        does not have are summed; a point stands for the axes that the function leaves alone.
    value : callable
        The function of a list of numbers, or of a list of rows: the definition.
    numpy : str
        A NumPy name, NumPy code with ``{}`` for the argument, or the source of a function of that name.
    letter : str
        What its value is called in a derivation.
    """

    kind: str
    differential: str
    value: Callable[[list[Any]], Any]
    numpy: str
    letter: str


def _softmax(row: list[float]) -> list[float]:
    powers = [math.exp(z - max(row)) for z in row]
    return [p / sum(powers) for p in powers]


def _logsumexp(row: list[float]) -> float:
    return max(row) + math.log(sum(math.exp(z - max(row)) for z in row))


def gauss_jordan(matrix: list[list[float]]) -> tuple[list[list[float]], float]:
    """The inverse and the determinant, with the largest pivot."""
    n = len(matrix)
    rows = [row + [float(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    determinant = 1.0
    for at in range(n):
        pivot = max(range(at, n), key=lambda i: abs(rows[i][at]))
        if pivot != at:
            rows[at], rows[pivot] = rows[pivot], rows[at]
            determinant = -determinant
        determinant *= rows[at][at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for i in range(n):
            if i != at:
                rows[i] = [a - rows[i][at] * b for a, b in zip(rows[i], rows[at])]
    return [row[n:] for row in rows], determinant


ARRAY = {
    "inv": ArrayFunction("matrix", "y[ij] = - y[ik] dz[kl] y[lj]", lambda A: gauss_jordan(A)[0], "np.linalg.inv", "V"),
    "det": ArrayFunction("scalar", "y[] = + y[] inv(z)[lk] dz[kl]", lambda A: gauss_jordan(A)[1], "np.linalg.det", "S"),
    "logdet": ArrayFunction(
        "scalar",
        "y[] = + inv(z)[lk] dz[kl]",
        lambda A: math.log(abs(gauss_jordan(A)[1])),
        "np.linalg.slogdet({})[1]",
        "S",
    ),
    "softmax": ArrayFunction(
        "row",
        "y[.k] = + y[.k] dz[.k] - y[.k] y[.j] dz[.j]",
        _softmax,
        """\
def softmax(Z, axis=-1):
    E = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)
""",
        "P",
    ),
    "log_softmax": ArrayFunction(
        "row",
        "y[.k] = + dz[.k] - softmax(z)[.j] dz[.j]",
        lambda row: [z - _logsumexp(row) for z in row],
        """\
def log_softmax(Z, axis=-1):
    Z = Z - Z.max(axis=axis, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=axis, keepdims=True))
""",
        "S",
    ),
    "logsumexp": ArrayFunction(
        "number",
        "y[.] = + softmax(z)[.j] dz[.j]",
        _logsumexp,
        """\
def logsumexp(Z, axis=-1, keepdims=False):
    M = Z.max(axis=axis, keepdims=True)
    Y = M + np.log(np.exp(Z - M).sum(axis=axis, keepdims=True))
    return Y if keepdims else Y.squeeze(axis)
""",
        "M",
    ),
    "max": ArrayFunction("number", "y[.] = + (z==y)[.j] dz[.j]", max, "np.max", "M"),
    "min": ArrayFunction("number", "y[.] = + (z==y)[.j] dz[.j]", min, "np.min", "M"),
}


def kind(name: str) -> str:
    """The kind of a function of an array; empty if it is none."""
    return ARRAY[name].kind if name in ARRAY else ""


ALONG, SQUARE = ("row", "number"), ("matrix", "scalar")  # kinds
