"""Activations: each operation with its pullback beside it.

One primal, one gradient: ``A, relu_pullback = relu(Z)`` and ``dZ = relu_pullback(dA)``. The
first six act entry by entry, on an array of any shape; `softmax` and `log_softmax` act on
the last axis.
"""

from collections.abc import Callable
from math import erfc, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

from ._arguments import Array, as_upstream, differentiable, finite

Pullback = Callable[[ArrayLike], Array]


def relu(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = max(Z, 0)``, entry by entry.

    Parameters
    ----------
    Z : array_like
        Any shape, floating point.

    Returns
    -------
    A : ndarray
        ``max(Z, 0)``, in the shape and dtype of Z. A NaN stays a NaN.
    relu_pullback : callable
        ``dA -> dZ = dA * (Z > 0)``. At the kink, ``Z == 0``, the derivative is taken as 0.

    Raises
    ------
    TypeError
        Z is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> A, relu_pullback = hg.relu(np.array([-1.0, 0.0, 2.0]))
    >>> A
    array([0., 0., 2.])
    >>> relu_pullback(np.array([10.0, 10.0, 10.0]))
    array([ 0.,  0., 10.])
    """
    Z = differentiable("relu", "Z", Z)
    # A row of zeros in place of the number 0: NumPy's fast loop takes arrays only.
    A = np.maximum(Z, np.zeros(Z.shape[-1:], Z.dtype))

    def relu_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("relu_pullback", "dA", dA, of=A)
        dZ: Array = dA * (A > 0).astype(A.dtype)  # a mask of floats: mixed dtypes multiply slowly
        return dZ

    return A, relu_pullback


def leaky_relu(Z: ArrayLike, slope: float = 0.01) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = Z`` where Z is positive and ``slope * Z`` elsewhere.

    Parameters
    ----------
    Z : array_like
        Any shape, floating point.
    slope : float, optional
        The derivative to the left of 0, and at 0.

    Returns
    -------
    A : ndarray
        In the shape and dtype of Z.
    leaky_relu_pullback : callable
        ``dA -> dZ``: dA where Z is positive, ``slope * dA`` elsewhere.

    Raises
    ------
    TypeError
        Z is not floating point, or the slope is not a number.
    ValueError
        The slope is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> Z = np.array([-2.0, 3.0])
    >>> A, leaky_relu_pullback = hg.leaky_relu(Z, slope=0.25)
    >>> A
    array([-0.5,  3. ])
    >>> leaky_relu_pullback(np.array([1.0, 1.0]))
    array([0.25, 1.  ])
    """
    Z = differentiable("leaky_relu", "Z", Z)
    finite("leaky_relu", "slope", slope)
    derivative: Array = np.where(Z > 0, Z.dtype.type(1), Z.dtype.type(slope))
    A = Z * derivative

    def leaky_relu_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("leaky_relu_pullback", "dA", dA, of=A)
        dZ: Array = dA * derivative
        return dZ

    return A, leaky_relu_pullback


def logistic(Z: Array) -> tuple[Array, Array]:
    """Return ``1 / (1 + exp(-Z))`` and ``1 / (1 + exp(Z))``, which is one minus the first.

    Neither overflows, and the smaller of the two keeps all its digits: subtracting the
    larger from 1 would leave none of them where Z is 40.
    """
    positive = Z > 0
    e = np.exp(np.where(positive, -Z, Z))  # exp(-|Z|), written so that a complex step passes
    return np.where(positive, 1, e) / (1 + e), np.where(positive, e, 1) / (1 + e)


def sigmoid(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = 1 / (1 + exp(-Z))``, entry by entry.

    Parameters
    ----------
    Z : array_like
        Any shape, floating point.

    Returns
    -------
    A : ndarray
        In the shape and dtype of Z, between 0 and 1.
    sigmoid_pullback : callable
        ``dA -> dZ = dA * sigmoid(Z) * sigmoid(-Z)``. Equal to ``A * (1 - A)`` on paper; in
        floating point that form is 0 from Z = 37 on, and this one is right to the last digit.

    Raises
    ------
    TypeError
        Z is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> A, sigmoid_pullback = hg.sigmoid(np.array([0.0, 40.0]))
    >>> A
    array([0.5, 1. ])
    >>> sigmoid_pullback(np.array([1.0, 1.0]))
    array([2.50000000e-01, 4.24835426e-18])
    """
    Z = differentiable("sigmoid", "Z", Z)
    A, complement = logistic(Z)

    def sigmoid_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("sigmoid_pullback", "dA", dA, of=A)
        return dA * A * complement

    return A, sigmoid_pullback


def tanh(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = tanh(Z)``, entry by entry.

    Parameters
    ----------
    Z : array_like
        Any shape, floating point.

    Returns
    -------
    A : ndarray
        In the shape and dtype of Z, between -1 and 1.
    tanh_pullback : callable
        ``dA -> dZ = dA / cosh(Z)^2``, computed as ``4 sigmoid(2 Z) sigmoid(-2 Z)``. Equal to
        ``1 - A^2`` on paper; in floating point that form is 0 from Z = 19 on.

    Raises
    ------
    TypeError
        Z is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> A, tanh_pullback = hg.tanh(np.array([0.0, 40.0]))
    >>> A
    array([0., 1.])
    >>> tanh_pullback(np.array([1.0, 1.0]))
    array([1.00000000e+00, 7.21940555e-35])
    """
    Z = differentiable("tanh", "Z", Z)
    A = np.tanh(Z)

    def tanh_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("tanh_pullback", "dA", dA, of=A)
        P, Q = logistic(2 * Z)
        return dA * 4 * P * Q

    return A, tanh_pullback


def gelu(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = Z Phi(Z)``, Phi the normal distribution function.

    The exact form, not its approximation by tanh.

    Parameters
    ----------
    Z : array_like
        Any shape, real floating point: the error function of the standard library knows no
        complex numbers, so that `check_pullback` falls back to differences here.

    Returns
    -------
    A : ndarray
        In the shape and dtype of Z.
    gelu_pullback : callable
        ``dA -> dZ = dA * (Phi(Z) + Z phi(Z))``, phi the normal density.

    Raises
    ------
    TypeError
        Z is not real floating point.

    Notes
    -----
    Source: Hendrycks and Gimpel, Gaussian Error Linear Units, arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> A, gelu_pullback = hg.gelu(np.array([-10.0, 0.0, 1.0]))
    >>> A
    array([-7.61985302e-23,  0.00000000e+00,  8.41344746e-01])
    >>> gelu_pullback(np.array([1.0, 1.0, 1.0]))
    array([-7.61840010e-22,  5.00000000e-01,  1.08331547e+00])
    """
    Z = differentiable("gelu", "Z", Z)
    if Z.dtype.kind == "c":
        raise TypeError(f"gelu: Z has dtype {Z.dtype}; the error function takes real numbers only")
    # erfc and not 1 + erf: to the left of 0 the sum would cancel.
    Phi = np.array([erfc(-z / sqrt(2)) / 2 for z in Z.flat], Z.dtype).reshape(Z.shape)
    A = times(Z, Phi)

    def gelu_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("gelu_pullback", "dA", dA, of=A)
        phi = np.exp(-Z * Z / 2) / sqrt(2 * pi)
        dZ: Array = dA * (Phi + times(Z, phi))
        return dZ

    return A, gelu_pullback


def times(Z: Array, factor: Array) -> Array:
    """Return ``Z * factor``, and 0 where the factor is 0, its limit where Z is infinite."""
    product: Array = np.multiply(Z, factor, out=np.zeros_like(Z), where=factor != 0)
    return product


def softplus(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (A, dA -> dZ) with ``A = log(1 + exp(Z))``, entry by entry.

    Parameters
    ----------
    Z : array_like
        Any shape, floating point.

    Returns
    -------
    A : ndarray
        In the shape and dtype of Z, computed as ``max(Z, 0) + log(1 + exp(-|Z|))``, which never overflows.
    softplus_pullback : callable
        ``dA -> dZ = dA * sigmoid(Z)``.

    Raises
    ------
    TypeError
        Z is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> A, softplus_pullback = hg.softplus(np.array([0.0, 1000.0]))
    >>> A
    array([6.93147181e-01, 1.00000000e+03])
    >>> softplus_pullback(np.array([1.0, 1.0]))
    array([0.5, 1. ])
    """
    Z = differentiable("softplus", "Z", Z)
    positive = Z > 0
    A = np.where(positive, Z, 0) + np.log1p(np.exp(np.where(positive, -Z, Z)))

    def softplus_pullback(dA: ArrayLike) -> Array:
        dA = as_upstream("softplus_pullback", "dA", dA, of=A)
        return dA * logistic(Z)[0]

    return A, softplus_pullback


def softmax(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (P, dP -> dZ) with ``P = exp(Z) / sum(exp(Z))`` along the last axis.

    Parameters
    ----------
    Z : array_like, shape (..., k)
        Logits of `k` classes, floating point.

    Returns
    -------
    P : ndarray, shape (..., k)
        Probabilities, in the dtype of Z: the last axis sums to one.
    softmax_pullback : callable
        ``dP -> dZ = P * (dP - sum(P * dP))``: the Jacobian of a row, ``diag(p) - p p^T``, times
        the row. It is symmetric, so that no transpose is seen, and not diagonal.

    Raises
    ------
    TypeError
        Z is not floating point.
    ValueError
        Z has no class to normalise over.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> P, softmax_pullback = hg.softmax(np.array([[0.0, np.log(3.0)]]))
    >>> P
    array([[0.25, 0.75]])
    >>> softmax_pullback(np.array([[1.0, 0.0]]))
    array([[ 0.1875, -0.1875]])
    """
    Z = logits("softmax", Z)
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))  # (..., k), the largest is 1
    P = E / E.sum(axis=-1, keepdims=True)  # (..., k)

    def softmax_pullback(dP: ArrayLike) -> Array:
        dP = as_upstream("softmax_pullback", "dP", dP, of=P)
        dZ: Array = P * (dP - (P * dP).sum(axis=-1, keepdims=True))  # (..., k)
        return dZ

    return P, softmax_pullback


def log_softmax(Z: ArrayLike) -> tuple[Array, Pullback]:
    """Z -> (L, dL -> dZ) with ``L = log(softmax(Z))`` along the last axis.

    Parameters
    ----------
    Z : array_like, shape (..., k)
        Logits of `k` classes, floating point.

    Returns
    -------
    L : ndarray, shape (..., k)
        Log-probabilities, in the dtype of Z, finite also where softmax is 0 in floating point.
    log_softmax_pullback : callable
        ``dL -> dZ = dL - softmax(Z) * sum(dL)``.

    Raises
    ------
    TypeError
        Z is not floating point.
    ValueError
        Z has no class to normalise over.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> L, log_softmax_pullback = hg.log_softmax(np.array([1e4, 0.0, -1e4]))
    >>> L
    array([     0., -10000., -20000.])
    >>> log_softmax_pullback(np.array([0.0, 1.0, 0.0]))
    array([-1.,  1.,  0.])
    """
    L = log_probabilities(logits("log_softmax", Z))  # (..., k)

    def log_softmax_pullback(dL: ArrayLike) -> Array:
        dL = as_upstream("log_softmax_pullback", "dL", dL, of=L)
        dZ: Array = dL - np.exp(L) * dL.sum(axis=-1, keepdims=True)  # (..., k)
        return dZ

    return L, log_softmax_pullback


def log_probabilities(Z: Array) -> Array:
    """Return ``Z - log(sum(exp(Z)))`` along the last axis."""
    shifted = Z - Z.max(axis=-1, keepdims=True)  # (..., k), the largest is 0
    L: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (..., k)
    return L


def logits(operation: str, Z: ArrayLike) -> Array:
    """Return Z as an array whose last axis holds at least one class."""
    Z = differentiable(operation, "Z", Z)
    if Z.ndim == 0 or Z.shape[-1] == 0:
        raise ValueError(f"{operation}: Z has shape {Z.shape}; its last axis needs at least one class")
    return Z
