"""An independent oracle: HIPS autograd on the same text, run as Python."""

import autograd
import autograd.numpy as anp
import autograd.scipy.special as asp
import numpy as np
import pytest
from autograd.scipy.stats import norm

import handgrad as hg

from .cases import CASES


def softmax(Z, axis=-1):
    E = anp.exp(Z - anp.max(Z, axis=axis, keepdims=True))
    return E / anp.sum(E, axis=axis, keepdims=True)


def logsumexp(Z, axis=-1):
    return anp.log(anp.sum(anp.exp(Z), axis=axis))


def log_softmax(Z):
    return Z - anp.expand_dims(logsumexp(Z), -1)


def cross_entropy(Z, T):
    return -anp.sum(T * log_softmax(Z)) / (Z.shape[0] if Z.ndim == 2 else 1)


def relu(z):
    return anp.where(z > 0, z, 0.0)


def sigmoid(z):
    return 1 / (1 + anp.exp(-z))


def kron(A, B):
    (i, j), (k, m) = A.shape, B.shape
    return anp.reshape(A[:, None, :, None] * B[None, :, None, :], (i * k, j * m))


NAMES = {
    "np": anp, "pi": np.pi, "transpose": anp.transpose,
    "inv": anp.linalg.inv, "det": anp.linalg.det, "logdet": lambda A: anp.linalg.slogdet(A)[1],
    "norm": lambda X, axis=None: anp.sqrt(anp.sum(X**2, axis=axis)), "relu": relu,
    "sigmoid": sigmoid, "softplus": lambda z: anp.log(1 + anp.exp(z)), "softmax": softmax,
    "log_softmax": log_softmax, "logsumexp": logsumexp, "softmax_cross_entropy": cross_entropy,
    "gelu": lambda z: z * norm.cdf(z), "silu": lambda z: z * sigmoid(z), "kron": kron,
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "f": lambda z: anp.sin(1.7 * z) + z**2, "g": lambda z: anp.cos(0.6 * z),
    "matrix_power": lambda A, k: (
        A if k == 1 else anp.linalg.inv(A) @ anp.linalg.inv(A) if k == -2 else A @ A @ A),
} | {name: getattr(anp, name) for name in ["trace", "diag", "outer", "einsum", "eye", "sum", "mean", "max", "min", "var", "std", "exp", "log", "cos", "tanh", "sqrt", "abs", "where", "maximum", "minimum"]}  # fmt: skip
UNKNOWN = {
    "f": NAMES["f"], "f_prime": lambda z: 1.7 * np.cos(1.7 * z) + 2 * z,
    "g": NAMES["g"], "g_prime": lambda z: -0.6 * np.sin(0.6 * z),
}  # fmt: skip


def draw(shapes, expression, seed):
    """Arrays whose dimensions have pairwise different lengths."""
    rng = np.random.default_rng(seed)
    dims = sorted({dim for shape in shapes.values() for axis in shape for dim in axis})
    sizes = dict(zip(dims, 2 + rng.permutation(len(dims)), strict=True))
    arrays = {
        name: rng.standard_normal([int(np.prod([sizes[d] for d in axis])) for axis in shape])
        for name, shape in shapes.items()
    }
    for name in ("eps", "lam", "c"):
        if name in arrays:
            arrays[name] = np.abs(arrays[name]) + 0.5
    if "**c" in expression:
        arrays["X"] = np.abs(arrays["X"]) + 0.5
    if "cross_entropy" in expression:  # its targets sum to one
        T = np.abs(arrays["T" if "T" in arrays else "t"])
        arrays["T" if "T" in arrays else "t"] = T / T.sum(-1, keepdims=True)
    return arrays, {dim: int(size) for dim, size in sizes.items()}


@pytest.mark.parametrize(("expression", "wrt", "dims"), CASES)
def test_gradient_agrees_with_autograd(expression, wrt, dims):
    d = hg.derive(expression, wrt, dims)
    arrays, sizes = draw(d.shapes, expression, 7)
    seen = {}

    def loss(Y):
        seen["Y"] = getattr(Y, "_value", Y)
        rng = np.random.default_rng(3)
        return anp.sum(rng.standard_normal(seen["Y"].shape) * anp.sin(Y)) + 5

    def value(x):
        return eval(expression, NAMES | sizes | {"L": loss} | arrays | {wrt: x})  # noqa: S307 - our own text, as Python

    value(arrays[wrt])
    known = dict(arrays) | {"L": loss}
    if "Y" in seen:
        known["G"] = autograd.grad(loss)(seen["Y"])
    wanted = autograd.jacobian(value)(arrays[wrt])
    if np.shape(value(arrays[wrt])) == (1, 1):  # x.T @ A @ x of a column: a number
        wanted = wanted[0, 0]
    function = d.to_numpy()
    parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
    got = function(**{name: (UNKNOWN | known)[name] for name in parameters})
    assert np.shape(got) == np.shape(wanted)
    assert np.allclose(got, wanted, rtol=1e-10, atol=1e-10)


def test_the_oracle_is_large_enough():
    assert len(CASES) >= 60


def test_erf_and_normal_functions_agree_with_scipy():
    x = np.linspace(-3, 3, 13)
    for name, reference in {"erf": asp.erf, "Phi": norm.cdf, "phi": norm.pdf}.items():
        got = hg.derive(f"L({name}(x))", "x", "x: n").to_numpy()(x=x, G=np.ones(13))
        assert np.allclose(got, autograd.elementwise_grad(reference)(x), atol=1e-12)
