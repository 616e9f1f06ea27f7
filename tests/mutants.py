"""Wrong pullbacks: the classic mistakes, each beside the operation it spoils.

A checker is worth what it catches. Every row names a mistake that somebody made, the operation
with that mistake, the primals (often square on purpose: that is where mistakes hide), the
verdict that the check must reach, and words that its text must contain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import handgrad as hg

rng = np.random.default_rng(20260)
X, W, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
SQUARE = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)
Z = rng.normal(size=(5, 3))
T = rng.normal(size=(5, 3))
CLASSES = np.array([2, 0, 1, 1, 0])
OLD_W = W + 0.1 * rng.normal(size=W.shape)
ORDER = np.array([3, 0, 4, 1, 2])


@dataclass(frozen=True)
class Mutant:
    name: str
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    primals: tuple[Any, ...]
    verdict: str
    words: str


def linear(wrong: Callable[..., Any], right: Callable[..., Any] = hg.linear) -> Callable[..., Any]:
    """Return the linear layer whose pullback is ``wrong(dY, X, W, b)``."""

    def op(X: Any, W: Any, b: Any) -> Any:
        return right(X, W, b)[0], lambda dY: wrong(dY, X, W, b)

    return op


def of(right: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return the operation of one primal whose pullback is ``wrong(dA, Z, A)``."""

    def op(Z: Any, *data: Any) -> Any:
        A = right(Z, *data)[0]
        return A, lambda dA: wrong(dA, Z, A)

    return op


def tiny_linear(X: Any, W: Any, b: Any) -> Any:
    Y, pullback = hg.linear(X, W, b)
    return 1e-6 * Y, lambda dY: pullback(1e-6 * dY)


def mean_squared(Y: Any, T: Any) -> Any:
    """Mean squared error that aligns its arguments: what the broadcasting one should have been."""
    R = Y - T.reshape(Y.shape)
    return (R**2).mean(), lambda d: 2 * d * R / R.size


def mean_squared_broadcast(Y: Any, T: Any) -> Any:
    """(n, 1) minus (n,) is (n, n): the value is a mean over n^2 differences."""
    return ((Y - T) ** 2).mean(), lambda d: 2 * d * (Y - T.reshape(Y.shape)) / Y.size


def mean_squared_matrix(Y: Any, T: Any) -> Any:
    """The gradient of the aligned loss, broadcast to (n, n)."""
    return mean_squared(Y, T)[0], lambda d: 2 * d * (Y - T) / Y.size


def relu_in_place(Z: Any) -> Any:
    A = np.maximum(Z, 0)

    def pullback(dA: Any) -> Any:
        dA *= A > 0
        return dA

    return A, pullback


def relu_consuming(Z: Any) -> Any:
    A = np.maximum(Z, 0, out=Z) if Z.dtype == float else np.maximum(Z, 0)
    return A, lambda dA: dA * (A > 0)


def tanh_consuming_value(Z: Any) -> Any:
    A = np.tanh(Z)

    def pullback(dA: Any) -> Any:
        np.multiply(A, A, out=A)
        return dA * (1 - A)

    return A, pullback


def accumulating(Z: Any) -> Any:
    total = np.zeros(Z.shape)

    def pullback(dA: Any) -> Any:
        total.__iadd__(dA * 2)
        return total

    return 2 * Z, pullback


def affine(X: Any, w: Any) -> Any:
    """A bias column inside the weights, whose gradient is forgotten."""
    Y = X @ w[:, :-1].T + w[:, -1]
    return Y, lambda dY: (dY @ w[:, :-1], np.c_[dY.T @ X, np.zeros(len(w))])


def affine_right(X: Any, w: Any) -> Any:
    Y = X @ w[:, :-1].T + w[:, -1]
    return Y, lambda dY: (dY @ w[:, :-1], np.c_[dY.T @ X, dY.sum(axis=0)])


def softmax_diagonal(dP: Any, Z: Any, P: Any) -> Any:
    return dP * P * (1 - P)


def cross_entropy(Z: Any, wrong: Callable[..., Any]) -> Any:
    loss, _ = hg.softmax_cross_entropy(Z, CLASSES)
    P, _ = hg.softmax(Z)
    return loss, lambda d: d * wrong(P.copy())


def shifted_index(P: Any) -> Any:
    P[np.arange(5), (CLASSES + 1) % 3] -= 1
    return P / 5


def repeated_row(X: Any, W: Any, b: Any) -> Any:
    """Look the same row up twice and write, not add, its gradient."""
    rows = np.array([0, 2, 2])

    def pullback(dY: Any) -> Any:
        dX = np.zeros_like(X)
        dX[rows] = dY
        return dX

    return X[rows], pullback


def looked_up(X: Any, W: Any, b: Any) -> Any:
    rows = np.array([0, 2, 2])

    def pullback(dY: Any) -> Any:
        dX = np.zeros_like(X)
        np.add.at(dX, rows, dY)
        return dX

    return X[rows], pullback


def scores(X: Any, W: Any, b: Any) -> Any:
    """Inner products of rows, as attention divides them."""
    root = np.sqrt(X.shape[1])
    return X @ W.T / root, lambda dY: (dY @ W / root, dY.T @ X / root, None)


def dropout(Z: Any) -> Any:
    kept = np.arange(Z.size).reshape(Z.shape) % 2
    return 2 * kept * Z, lambda dY: 2 * kept * dY


def drawing_dropout(Z: Any) -> Any:
    kept = rng.integers(0, 2, size=Z.shape)
    return 2 * kept * Z, lambda dY: 2 * kept * dY


def penalised(X: Any) -> Any:
    return np.sin(X).sum() + 0.3 * (X * X).sum(), lambda d: d * (np.cos(X) + 0.6 * X)


def unit(x: Any) -> Any:
    r = np.sqrt((x * x).sum())
    y = x / r
    return y, lambda dy: (dy - y * (y @ dy)) / r


def column(size: int) -> Any:
    return rng.normal(size=(size, 1))


MUTANTS = [
    # -- the upstream gradient
    Mutant(
        "forgot the upstream gradient",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: 1 - A**2),
        (Z,),
        "mismatch",
        "left out",
    ),
    Mutant(
        "square of the upstream gradient",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: dA**2 * (1 - A**2)),
        (Z,),
        "mismatch",
        "not linear",
    ),
    Mutant(
        "absolute upstream gradient",
        hg.sigmoid,
        of(hg.sigmoid, lambda dA, Z, A: np.abs(dA) * A * (1 - A)),
        (Z,),
        "mismatch",
        "not linear",
    ),
    Mutant(
        "absolute upstream gradient of a loss",
        lambda Y: hg.mean_squared_error(Y, T),
        of(lambda Y: hg.mean_squared_error(Y, T), lambda d, Y, _: 2 * abs(d) * (Y - T) / Y.size),
        (Z,),
        "mismatch",
        "not linear",
    ),
    Mutant(
        "mask from the upstream gradient",
        hg.relu,
        of(hg.relu, lambda dA, Z, A: dA * (dA > 0)),
        (Z,),
        "mismatch",
        "not linear",
    ),
    Mutant(
        "constant added",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: dA * (1 - A**2) + 1e-3),
        (Z,),
        "mismatch",
        "not linear",
    ),
    Mutant(
        "upstream gradient passed on",
        hg.relu,
        of(hg.relu, lambda dA, Z, A: dA * (A >= 0)),
        (Z,),
        "mismatch",
        "upstream gradient itself",
    ),
    # -- transposes and inverses
    Mutant(
        "transposed",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, X.T @ dY, dY.sum(axis=0))),
        (X, W, b),
        "transposed",
        "W has shape (3, 4)",
    ),
    Mutant(
        "transposed, hidden by a square",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, X.T @ dY, dY.sum(axis=0))),
        SQUARE,
        "transposed",
        "the transpose of the right one",
    ),
    Mutant(
        "upstream gradient not transposed, hidden by a square",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY @ X, dY.sum(axis=0))),
        SQUARE,
        "transposed",
        "transpose of the upstream gradient",
    ),
    Mutant(
        "weight transposed, hidden by a square",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W.T, dY.T @ X, dY.sum(axis=0))),
        SQUARE,
        "transposed",
        "transposed Jacobian",
    ),
    Mutant(
        "inverse in place of the transpose",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ np.linalg.inv(W).T, dY.T @ X, dY.sum(axis=0))),
        SQUARE,
        "mismatch",
        "inverse",
    ),
    # -- another order
    Mutant(
        "gradients in the wrong order",
        hg.linear,
        linear(lambda dY, X, W, b: (dY.T @ X, dY @ W, dY.sum(axis=0))),
        (X, W, b),
        "shape",
        "for X is the one for W",
    ),
    Mutant(
        "gradients in the wrong order, hidden by a square",
        hg.linear,
        linear(lambda dY, X, W, b: (dY.T @ X, dY @ W, dY.sum(axis=0))),
        SQUARE,
        "mismatch",
        "for W is the one for X",
    ),
    # -- sums, means, factors, signs
    Mutant(
        "bias gradient over the wrong axis, hidden by a square",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY.sum(axis=1))),
        SQUARE,
        "wrong-axis",
        "b was summed over the wrong axis",
    ),
    Mutant(
        "bias gradient over the wrong axis",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY.sum(axis=1))),
        (X, W, b),
        "wrong-axis",
        "as its shape shows",
    ),
    Mutant(
        "bias gradient not summed",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY)),
        (X, W, b),
        "shape",
        "not summed over axis 0",
    ),
    Mutant(
        "bias gradient keeps an axis",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY.sum(axis=0, keepdims=True))),
        (X, W, b),
        "shape",
        "right entries",
    ),
    Mutant(
        "bias gradient summed over everything",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY.sum())),
        (X, W, b),
        "shape",
        "the sum of the right entries",
    ),
    Mutant(
        "factor batch size",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, len(X) * dY.T @ X, dY.sum(axis=0))),
        (X, W, b),
        "scaled",
        "5 times too large; 5 is the number of rows of X (the batch size",
    ),
    Mutant(
        "mean for sum",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, dY.mean(axis=0))),
        (X, W, b),
        "scaled",
        "5 times too small",
    ),
    Mutant(
        "mean over the entries for mean over the rows",
        hg.softmax_cross_entropy,
        lambda Z, T: cross_entropy(Z, lambda P: (P - np.eye(3)[CLASSES]) / P.size),
        (Z, CLASSES),
        "scaled",
        "3 is the number of columns of Z",
    ),
    Mutant(
        "factor 2",
        lambda Y: hg.mean_squared_error(Y, T),
        of(lambda Y: hg.mean_squared_error(Y, T), lambda d, Y, _: d * (Y - T) / Y.size),
        (Z,),
        "scaled",
        "2 times too small; 2 is the 2 of a differentiated square",
    ),
    Mutant(
        "scores not divided by the square root of the features",
        scores,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X, None), scores),
        (X, W, None),
        "scaled",
        "1.732050808 is the square root of 3, the number of columns of X and the number of columns of W",
    ),
    Mutant(
        "factor of a layer left out",
        tiny_linear,
        linear(lambda dY, X, W, b: hg.linear(X, W, b)[1](dY), tiny_linear),
        (X, W, b),
        "scaled",
        "1000000 times too large",
    ),
    Mutant(
        "sign",
        lambda Z: hg.sigmoid_cross_entropy(Z, np.ones(Z.shape)),
        of(
            lambda Z: hg.sigmoid_cross_entropy(Z, np.ones(Z.shape)),
            lambda d, Z, _: d * (1 - hg.sigmoid(Z)[0]) / 5,
        ),
        (Z,),
        "sign",
        "wrong sign",
    ),
    Mutant(
        "sign in a layer scaled by 1e-6",
        tiny_linear,
        linear(
            lambda dY, X, W, b: [s * g for s, g in zip((1, -1, 1), tiny_linear(X, W, b)[1](dY), strict=True)],
            tiny_linear,
        ),
        (X, W, b),
        "sign",
        "for W has the wrong sign",
    ),
    Mutant(
        "sign and factor",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: -3 * dA * (1 - A**2)),
        (Z,),
        "scaled",
        "3 times too large and has the wrong sign",
    ),
    # -- the wrong argument
    Mutant(
        "derivative at the value",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: dA * (1 - np.tanh(A) ** 2)),
        (Z,),
        "mismatch",
        "f'(A) for f'(Z)",
    ),
    Mutant(
        "formula in the value taken at the argument",
        hg.sigmoid,
        of(hg.sigmoid, lambda dA, Z, A: dA * Z * (1 - Z)),
        (Z,),
        "mismatch",
        "p(Z)",
    ),
    Mutant(
        "stale weights",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ OLD_W, dY.T @ X, dY.sum(axis=0))),
        (X, W, b),
        "mismatch",
        "X is wrong in every entry",
    ),
    Mutant(
        "wrong class index",
        hg.softmax_cross_entropy,
        lambda Z, T: cross_entropy(Z, shifted_index),
        (Z, CLASSES),
        "mismatch",
        "is wrong in 10 of its 15 entries",
    ),
    Mutant(
        "permuted rows",
        hg.linear,
        linear(lambda dY, X, W, b: ((dY @ W)[ORDER], dY.T @ X, dY.sum(axis=0))),
        (X, W, b),
        "mismatch",
        "wrong order",
    ),
    Mutant(
        "repeated row overwritten",
        lambda X: looked_up(X, None, None),
        lambda X: repeated_row(X, None, None),
        (X,),
        "mismatch",
        "is wrong in 3 of its 15 entries",
    ),
    # -- terms that are missing
    Mutant(
        "softmax returns zero",
        hg.softmax,
        of(hg.softmax, lambda dP, Z, P: np.zeros_like(P)),
        (Z,),
        "mismatch",
        "zero everywhere",
    ),
    Mutant(
        "softmax without its cross terms",
        hg.softmax,
        of(hg.softmax, softmax_diagonal),
        (Z,),
        "mismatch",
        "diagonal of the Jacobian only",
    ),
    Mutant(
        "softmax summed over the wrong axis, hidden by a square",
        hg.softmax,
        of(hg.softmax, lambda dP, Z, P: P * (dP - (P * dP).sum(axis=0))),
        SQUARE[:1],
        "mismatch",
        "is wrong in every entry",
    ),
    Mutant(
        "bias inside the weights forgotten",
        affine_right,
        affine,
        (X, rng.normal(size=(2, 4))),
        "mismatch",
        "w is wrong in 2 of its 8 entries, where it is 0",
    ),
    Mutant(
        "gradient forgotten",
        hg.linear,
        linear(lambda dY, X, W, b: (dY @ W, dY.T @ X)),
        (X, W, b),
        "mismatch",
        "no gradient for b",
    ),
    Mutant(
        "mask forgotten",
        dropout,
        lambda Z: (dropout(Z)[0], lambda dY: 2 * dY),
        (Z,),
        "mismatch",
        "where it should be 0: is a mask missing?",
    ),
    Mutant(
        "mask drawn anew at each call",
        dropout,
        drawing_dropout,
        (Z,),
        "mismatch",
        "draw random numbers? Draw them once",
    ),
    Mutant(
        "penalty forgotten",
        penalised,
        lambda X: (penalised(X)[0], lambda d: d * np.cos(X)),
        (X,),
        "mismatch",
        "is off by 0.6 times X itself",
    ),
    Mutant(
        "norm taken for a constant",
        unit,
        lambda x: (unit(x)[0], lambda dy: dy / np.sqrt((x * x).sum())),
        (b,),
        "mismatch",
        "is off by a multiple of x itself: is the gradient of a penalty, or of dividing by a norm, missing",
    ),
    # -- small errors
    Mutant(
        "relative error of 1e-6",
        hg.softmax,
        of(hg.softmax, lambda dP, Z, P: hg.softmax(Z)[1](dP) * (1 + 1e-6 * np.sin(1e3 * Z))),
        (Z,),
        "mismatch",
        "beyond the first 6 digits",
    ),
    Mutant(
        "difference quotient for the derivative",
        hg.sigmoid,
        of(
            hg.sigmoid,
            lambda dA, Z, A: dA * (hg.sigmoid(Z + 1e-6)[0] - hg.sigmoid(Z)[0]) / 1e-6,
        ),
        (Z,),
        "mismatch",
        "digits",
    ),
    # -- broadcasting
    Mutant(
        "(n, 1) against (n,) in the value",
        mean_squared,
        mean_squared_broadcast,
        (column(5), rng.normal(size=5)),
        "mismatch",
        "broadcast to (5, 5): reshape T",
    ),
    Mutant(
        "(n, 1) against (n,) in the gradient",
        mean_squared,
        mean_squared_matrix,
        (column(5), rng.normal(size=5)),
        "shape",
        "(5, 1) broadcast against (5,)",
    ),
    # -- memory
    Mutant(
        "upstream gradient overwritten", hg.relu, relu_in_place, (Z,), "mismatch", "the pullback changes its upstream"
    ),
    Mutant("primal overwritten", hg.relu, relu_consuming, (Z,), "mismatch", "the operation changes Z in place"),
    Mutant(
        "value overwritten", hg.tanh, tanh_consuming_value, (Z,), "mismatch", "the pullback changes the value in place"
    ),
    Mutant(
        "gradient accumulated",
        lambda Z: (2 * Z, lambda dA: 2 * dA),
        accumulating,
        (Z,),
        "mismatch",
        "second time",
    ),
    # -- dtypes
    Mutant(
        "gradient cut to float32",
        hg.tanh,
        of(hg.tanh, lambda dA, Z, A: (dA * (1 - A**2)).astype(np.float32)),
        (Z,),
        "precision",
        "float32",
    ),
    Mutant(
        "gradient in integers",
        hg.relu,
        of(hg.relu, lambda dA, Z, A: (dA * (A > 0)).astype(int)),
        (Z,),
        "precision",
        "int64",
    ),
    Mutant(
        "nan",
        hg.relu,
        of(hg.relu, lambda dA, Z, A: np.where(A > 0, dA, np.nan)),
        (Z,),
        "mismatch",
        "nan",
    ),
]
