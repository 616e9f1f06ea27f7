"""Elementwise functions: one row each.

A row holds the derivative, as an expression in the argument ``z`` and the value ``y``; the
definition, on one number; and how NumPy spells it, either a NumPy name or a formula in ``z``.
"""

import math
from collections.abc import Callable
from typing import NamedTuple


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
    "log2": Elementwise("1 / (0.6931471805599453 * z)", math.log2, "np.log2"),
    "log10": Elementwise("1 / (2.302585092994046 * z)", math.log10, "np.log10"),
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
        "sigmoid(z)",
        lambda z: max(z, 0.0) + math.log(1 + math.exp(-abs(z))),
        "np.logaddexp(0, z)",
    ),
    "silu": Elementwise(
        "sigmoid(z) + y * (1 - sigmoid(z))",
        lambda z: z * _sigmoid(z),
        "z * 0.5 * (1 + np.tanh(0.5 * z))",
    ),
    "relu": Elementwise("z > 0", lambda z: max(z, 0.0), "np.maximum(z, 0)"),
    "leaky_relu": Elementwise("0.01 + 0.99 * (z > 0)", lambda z: max(z, 0.01 * z), "np.maximum(z, 0.01 * z)"),
    "elu": Elementwise(
        "where(z > 0, 1, 1 + y)",
        lambda z: z if z > 0 else math.expm1(z),
        "np.where(z > 0, z, np.expm1(np.minimum(z, 0)))",
    ),
    "step": Elementwise("0", lambda z: 1.0 if z > 0 else 0.0, "(z > 0) * 1.0"),
    "abs": Elementwise("sign(z)", abs, "np.abs"),
    "sign": Elementwise("0", lambda z: float((z > 0) - (z < 0)), "np.sign"),
    "gelu": Elementwise(
        "Phi(z) + z * phi(z)",
        lambda z: z * _normal_cdf(z),
        "0.5 * z * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2))",
    ),
    "Phi": Elementwise(
        "phi(z)",
        _normal_cdf,
        "0.5 * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2))",
    ),
    "phi": Elementwise("-z * y", _normal_pdf, "np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)"),
    "iszero": Elementwise("0", lambda z: float(z == 0), "(z == 0) * 1.0"),
    "erf": Elementwise("1.1283791670955126 * exp(-z**2)", math.erf, "np.vectorize(math.erf, otypes=[float])(z)"),
}
MASKS = {"step": ">", "iszero": "=="}  # printed as a comparison
