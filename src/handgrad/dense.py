"""The linear layer, `Y = X W^T + b`, and its pullback."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._arguments import Array, as_upstream, differentiable

LinearPullback = Callable[..., tuple[Array | None, Array, Array | None]]


def linear(X: ArrayLike, W: ArrayLike, b: ArrayLike | None = None) -> tuple[Array, LinearPullback]:
    """(X, W, b) -> (Y, dY -> (dX, dW, db)) with ``Y = X W^T + b``.

    Samples are rows. The gradients have the shapes of their variables (``shape`` layout).

    Parameters
    ----------
    X : array_like, shape (n, i)
        `n` samples of `i` features each, floating point.
    W : array_like, shape (o, i)
        Weights, one row for each output.
    b : array_like, shape (o,), optional
        Bias, added to each sample.

    Returns
    -------
    Y : ndarray, shape (n, o)
        The outputs, in the common dtype of the arguments.
    linear_pullback : callable
        ``linear_pullback(dY)`` takes the upstream gradient, shape (n, o), and returns
        ``dX = dY W``, shape (n, i); ``dW = dY^T X``, shape (o, i); and ``db``, the sum of dY over
        the samples, shape (o,), or None if there is no bias. Called with
        ``input_gradient=False`` it leaves out the product for dX, which a first layer never
        needs, and returns None in its place.

    Raises
    ------
    TypeError
        An argument is not floating point.
    ValueError
        The shapes do not fit. A bias is never broadcast to a shape of its own.

    Notes
    -----
    One entry at a time: ``Y[n,o] = sum_i X[n,i] W[o,i] + b[o]``, so that
    ``dL/dW[p,q] = sum_no dY[n,o] X[n,q] delta[o,p] = sum_n dY[n,p] X[n,q]``. The products are
    spelled ``np.dot`` because ``np.matmul`` leaves the fast path where the summed axis has
    length one: a batch of one sample.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> W = np.array([[1.0, 0.0, -1.0]])
    >>> Y, linear_pullback = hg.linear(X, W, np.array([0.5]))
    >>> Y
    array([[-1.5],
           [-1.5]])
    >>> dX, dW, db = linear_pullback(np.array([[1.0], [10.0]]))
    >>> dW
    array([[41., 52., 63.]])
    """
    X = differentiable("linear", "X", X)
    W = differentiable("linear", "W", W)
    if X.ndim != 2:
        raise ValueError(f"linear: X has shape {X.shape}; it needs two axes, (samples, in)")
    if W.ndim != 2:
        raise ValueError(f"linear: W has shape {W.shape}; it needs two axes, (out, in)")
    if X.shape[1] != W.shape[1]:
        raise ValueError(
            f"linear: X has {X.shape[1]} features (shape {X.shape}), W (out, in) = {W.shape} needs {W.shape[1]}"
        )
    Y = np.dot(X, W.T)  # (n, o)
    if b is not None:
        b = differentiable("linear", "b", b)
        if b.shape != W.shape[:1]:
            raise ValueError(f"linear: b has shape {b.shape}, W (out, in) = {W.shape} needs {W.shape[:1]}")
        Y = Y + b  # (n, o) + (o,)

    def linear_pullback(dY: ArrayLike, *, input_gradient: bool = True) -> tuple[Array | None, Array, Array | None]:
        dY = as_upstream("linear_pullback", "dY", dY, of=Y)
        dX = np.dot(dY, W) if input_gradient else None  # (n, o) (o, i) -> (n, i)
        dW = np.dot(dY.T, X)  # (o, n) (n, i) -> (o, i)
        # A product with ones is a sum, faster and more accurate than dY.sum(axis=0).
        db = None if b is None else np.dot(_ones(len(dY), dY.dtype), dY)  # (n) (n, o) -> (o)
        return dX, dW, db

    return Y, linear_pullback


@lru_cache(maxsize=8)  # for a batch of one, making them takes longer than the sum
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(count, dtype)
    ones.flags.writeable = False
    return ones
