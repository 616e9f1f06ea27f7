"""Losses: from predictions and targets to one number, each with its pullback beside it.

Targets are data: a pullback takes the upstream scalar, 1 unless told otherwise, and returns
the gradient for the first argument only.
"""

from collections.abc import Callable
from math import nan
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ._arguments import Array, as_upstream, differentiable
from .activations import log_probabilities, logistic, logits

LossPullback = Callable[..., Array]
Reduction = Literal["mean", "sum"]


def mean_squared_error(Y: ArrayLike, T: ArrayLike, *, reduction: Reduction = "mean") -> tuple[Any, LossPullback]:
    """(Y, T) -> (loss, d -> dY) with ``loss = sum((Y - T)^2)``, divided by the number of entries.

    Parameters
    ----------
    Y : array_like
        Predictions, any shape, floating point.
    T : array_like
        Targets in exactly the shape of Y: (n, 1) against (n,) is refused, not broadcast.
    reduction : {"mean", "sum"}, optional
        "mean" divides by the number of entries of Y; "sum" does not divide.

    Returns
    -------
    loss : scalar
        In the dtype of Y. The mean over no entries at all is NaN.
    mean_squared_error_pullback : callable
        ``d -> dY = d * 2 (Y - T) / Y.size``, without the division for "sum".

    Raises
    ------
    ValueError
        The shapes differ, or `reduction` is unknown.
    TypeError
        Y is not floating point, or T is not made of real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> Y, T = np.array([1.0, 4.0]), np.array([0.0, 2.0])
    >>> loss, pullback = hg.mean_squared_error(Y, T)
    >>> float(loss)
    2.5
    >>> pullback()
    array([1., 2.])
    """
    Y = differentiable("mean_squared_error", "Y", Y)
    T = _targets_like("mean_squared_error", T, "Y", Y)
    scale = _scale("mean_squared_error", reduction, Y.size)
    R = Y - T
    loss = (R * R).sum() * scale

    def mean_squared_error_pullback(upstream: ArrayLike = 1.0) -> Array:
        d = as_upstream("mean_squared_error_pullback", "upstream", upstream, of=loss)
        dY: Array = 2 * scale * d * R
        return dY

    return loss, mean_squared_error_pullback


def softmax_cross_entropy(Z: ArrayLike, T: ArrayLike, *, reduction: Reduction = "mean") -> tuple[Any, LossPullback]:
    """(Z, T) -> (loss, d -> dZ) with ``loss = -sum(T * log_softmax(Z))``, divided by the rows.

    Parameters
    ----------
    Z : array_like, shape (n, k)
        Logits of `n` samples for `k` classes, floating point.
    T : array_like, shape (n,) or (n, k)
        Class indices, integers from 0 to k - 1; or rows of probabilities, each summing to one.
    reduction : {"mean", "sum"}, optional
        "mean" divides by the number of rows `n`; "sum" does not divide.

    Returns
    -------
    loss : scalar
        In the dtype of Z. The mean over no rows at all is NaN.
    softmax_cross_entropy_pullback : callable
        ``d -> dZ = d * (softmax(Z) - T) / n``, without the division for "sum"; T as rows.

    Raises
    ------
    ValueError
        The shapes do not fit, a class index is out of range, a row of T does not sum to one, or
        `reduction` is unknown.
    TypeError
        Z is not floating point, class indices are not integers, or probabilities not real numbers.

    Notes
    -----
    Nothing is clipped: the loss of a logit 20000 below the largest is 20000. A logit of -inf masks
    its class: probability 0, gradient 0, and no part in the loss unless the target asks for it.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> Z, T = np.array([[0.0, np.log(3.0)]]), np.array([0])
    >>> loss, pullback = hg.softmax_cross_entropy(Z, T)
    >>> round(float(loss), 6)  # log 4
    1.386294
    >>> pullback()
    array([[-0.75,  0.75]])
    """
    Z = logits("softmax_cross_entropy", Z)
    if Z.ndim != 2:
        raise ValueError(f"softmax_cross_entropy: Z has shape {Z.shape}; it needs two axes, (samples, classes)")
    T = np.asarray(T)
    scale = _scale("softmax_cross_entropy", reduction, len(Z))
    L = log_probabilities(Z)  # (n, k)
    if T.ndim == 1:
        T = _one_hot(T, Z)  # (n, k)
        loss = -L[T].sum() * scale
    else:
        T = _probability_rows(T, Z)  # (n, k)
        loss = -(T * np.where(T > 0, L, 0)).sum() * scale  # no probability of a class that is masked by -inf

    def softmax_cross_entropy_pullback(upstream: ArrayLike = 1.0) -> Array:
        d = as_upstream("softmax_cross_entropy_pullback", "upstream", upstream, of=loss)
        dZ: Array = scale * d * (np.exp(L) - T)  # (n, k)
        return dZ

    return loss, softmax_cross_entropy_pullback


def sigmoid_cross_entropy(Z: ArrayLike, T: ArrayLike, *, reduction: Reduction = "mean") -> tuple[Any, LossPullback]:
    """(Z, T) -> (loss, d -> dZ), the cross-entropy of independent yes-or-no targets.

    ``loss = -sum(T log sigmoid(Z) + (1 - T) log sigmoid(-Z))``, divided by the number of rows.

    Parameters
    ----------
    Z : array_like, shape (n,) or (n, k)
        Logits, floating point.
    T : array_like
        Probabilities of "yes", from 0 to 1, in exactly the shape of Z.
    reduction : {"mean", "sum"}, optional
        "mean" divides by the number of rows `n`; "sum" does not divide.

    Returns
    -------
    loss : scalar
        In the dtype of Z. The mean over no rows at all is NaN.
    sigmoid_cross_entropy_pullback : callable
        ``d -> dZ = d * (sigmoid(Z) - T) / n``, without the division for "sum"; computed as
        ``(1 - T) sigmoid(Z) - T sigmoid(-Z)``, which does not cancel for a confident answer.

    Raises
    ------
    ValueError
        The shapes differ, a target is not between 0 and 1, or `reduction` is unknown.
    TypeError
        Z is not floating point, or T is not made of real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> Z, T = np.array([0.0, 40.0]), np.array([1.0, 1.0])
    >>> loss, pullback = hg.sigmoid_cross_entropy(Z, T)
    >>> round(float(loss), 6)  # half of log 2
    0.346574
    >>> pullback()
    array([-2.50000000e-01, -2.12417713e-18])
    """
    Z = differentiable("sigmoid_cross_entropy", "Z", Z)
    if Z.ndim not in (1, 2):
        raise ValueError(
            f"sigmoid_cross_entropy: Z has shape {Z.shape}; it needs one axis, (samples,), or two, (samples, outputs)"
        )
    T = _targets_like("sigmoid_cross_entropy", T, "Z", Z)
    if T.size and not 0 <= T.min() <= T.max() <= 1:
        raise ValueError(
            f"sigmoid_cross_entropy: T reaches from {T.min()} to {T.max()}; targets are probabilities, from 0 to 1"
        )
    scale = _scale("sigmoid_cross_entropy", reduction, len(Z))
    # softplus(z) - t z, with the large terms taken off each other first: what is left keeps its digits
    positive = Z > 0
    loss = (np.where(positive, 1 - T, -T) * Z + np.log1p(np.exp(np.where(positive, -Z, Z)))).sum() * scale

    def sigmoid_cross_entropy_pullback(upstream: ArrayLike = 1.0) -> Array:
        d = as_upstream("sigmoid_cross_entropy_pullback", "upstream", upstream, of=loss)
        P, Q = logistic(Z)
        dZ: Array = scale * d * ((1 - T) * P - T * Q)
        return dZ

    return loss, sigmoid_cross_entropy_pullback


def _scale(loss: str, reduction: str, count: int) -> float:
    """Return what the sum is multiplied by."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f'{loss}: reduction is {reduction!r}; it must be "mean" or "sum"')
    if reduction == "sum":
        return 1.0
    return 1 / count if count else nan


def _targets_like(loss: str, T: ArrayLike, name: str, prediction: Array) -> Array:
    T = np.asarray(T)
    if T.dtype.kind not in "biuf":
        raise TypeError(f"{loss}: T has dtype {T.dtype}; targets are real numbers")
    if T.shape != prediction.shape:
        raise ValueError(
            f"{loss}: T has shape {T.shape}, {name} has shape {prediction.shape}; the two must "
            f"be equal, nothing is broadcast"
        )
    return T.astype(prediction.real.dtype)


def _one_hot(T: Array, Z: Array) -> Array:
    """Rows with True in the column of the class."""
    n, k = Z.shape
    if T.dtype.kind not in "iu":
        raise TypeError(f"softmax_cross_entropy: T has one axis and dtype {T.dtype}; class indices are integers")
    if len(T) != n:
        raise ValueError(f"softmax_cross_entropy: T has {len(T)} class indices, Z has {n} rows")
    one_hot: Array = T[:, None] == np.arange(k)  # (n, k)
    if np.count_nonzero(one_hot) != n:
        raise ValueError(
            f"softmax_cross_entropy: T reaches from {T.min()} to {T.max()}; with Z of shape "
            f"{Z.shape} class indices go from 0 to {k - 1}"
        )
    return one_hot


def _probability_rows(T: Array, Z: Array) -> Array:
    if T.shape != Z.shape:
        raise ValueError(
            f"softmax_cross_entropy: T has shape {T.shape}, Z has shape {Z.shape}; T is either class indices, "
            f"shape {Z.shape[:1]}, or rows of probabilities, shape {Z.shape}"
        )
    T = _targets_like("softmax_cross_entropy", T, "Z", Z)
    sums = T.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-5) or (T < 0).any():
        raise ValueError(
            "softmax_cross_entropy: each row of T must be probabilities that sum to 1; the "
            f"smallest entry is {T.min()}, the row sums reach from {sums.min()} to {sums.max()}"
        )
    return T
