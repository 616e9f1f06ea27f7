"""The ways to extend the engine that CONTRIBUTING shows: a row each."""

import math

import numpy as np
import pytest

import handgrad as hg
from handgrad.derive.language import calls, functions, numpy_text


def test_an_elementwise_function_is_one_row(monkeypatch):
    row = functions.Elementwise("1 / sqrt(1 + z**2)", math.asinh, "np.arcsinh")
    monkeypatch.setitem(functions.ELEMENTWISE, "arcsinh", row)
    d = hg.derive("L(arcsinh(X @ W.T))", "W", "X: n i, W: o i")
    assert str(d.gradient) == "(G / sqrt(1 + (X @ W.T)**2)).T @ X"
    d.check()


def test_a_contraction_is_its_einsum_row_and_its_numpy_name(monkeypatch):
    monkeypatch.setitem(calls.ROWS, "vecdot", "ij,ij->i")
    monkeypatch.setitem(numpy_text.FULL, "vecdot", "np.vecdot")
    d = hg.derive("L(vecdot(X, Y))", "X", "X: n i, Y: n i")
    assert str(d.gradient) == "G[:, None] * Y"
    d.check()


def softmin(row):
    powers = [math.exp(min(row) - z) for z in row]
    return [p / sum(powers) for p in powers]


SOFTMIN = functions.ArrayFunction(
    "row", "y[.k] = - y[.k] dz[.k] + y[.k] y[.j] dz[.j]", softmin, """\
def softmin(Z, axis=-1):
    E = np.exp(Z.min(axis=axis, keepdims=True) - Z)
    return E / E.sum(axis=axis, keepdims=True)
""", "P",
)  # fmt: skip
SMOOTHMIN = functions.ArrayFunction(
    "number", "y[.] = + softmin(z)[.j] dz[.j]", lambda row: -math.log(sum(math.exp(-z) for z in row)), """\
def smoothmin(Z, axis=-1, keepdims=False):
    return -np.log(np.exp(-Z).sum(axis=axis, keepdims=keepdims))
""", "M",
)  # fmt: skip
ABSDET = functions.ArrayFunction(
    "scalar", "y[] = + y[] inv(z)[lk] dz[kl]", lambda A: abs(functions.gauss_jordan(A)[1]),
    "np.abs(np.linalg.det({}))", "S",
)  # fmt: skip
INVERSE_SQUARE = functions.ArrayFunction(
    "matrix", "y[ij] = - y[ik] dz[kl] inv(z)[lj] - inv(z)[ik] dz[kl] y[lj]",
    lambda A: functions.gauss_jordan((np.array(A) @ A).tolist())[0],
    "np.linalg.matrix_power({}, -2)", "V",
)  # fmt: skip


@pytest.mark.parametrize(("name", "row", "cases"), [
    ("softmin", SOFTMIN, {
        "L(softmin(Z))": "P * ((G * P).sum(axis=1, keepdims=True) - G)", "sum(f(softmin(Z, axis=0)))": None}),
    ("smoothmin", SMOOTHMIN, {
        "sum(smoothmin(Z, axis=1))": "softmin(Z)", "smoothmin(Z)": None, "sum(smoothmin(Z, axis=0, keepdims=True)**2)": None}),
    ("absdet", ABSDET, {"absdet(Z.T @ Z)": None, "log(absdet(Z @ Z.T + eye(n)))": None}),
    ("invsquare", INVERSE_SQUARE, {"trace(invsquare(Z.T @ Z))": None, "L(invsquare(Z.T @ Z) @ Z.T)": None}),
])  # fmt: skip
def test_a_function_of_an_array_is_one_row(monkeypatch, name, row, cases):
    monkeypatch.setitem(functions.ARRAY, "softmin", SOFTMIN)
    monkeypatch.setitem(functions.ARRAY, name, row)
    for text, printed in cases.items():
        d = hg.derive(text, "Z", "Z: n k")
        assert printed in (None, str(d.gradient))
        d.check()


@pytest.mark.parametrize(("expression_", "wrt", "dims", "printed"), [
    ("X @ W.T", "W", "X: n i, W: o i", "vec(dY) = kron(eye(o), X) @ vec(dW.T)"),
    ("A @ X @ B", "X", "A: a b, X: b c, B: c d", "vec(dY) = kron(B.T, A) @ vec(dX)"),
    ("W @ x", "W", "W: o i, x: i", "vec(dy) = kron(x[None, :], eye(o)) @ vec(dW)"),
    ("x @ W", "W", "W: i o, x: i", "vec(dy) = kron(eye(o), x[None, :]) @ vec(dW)"),
    ("tanh(W @ x)", "x", "W: o i, x: i", "vec(da) = ((1 - a**2)[:, None] * W) @ vec(dx)"),
    ("inv(X)", "X", "X: n n", "vec(dV) = -kron(inv(X).T, inv(X)) @ vec(dX)"),
    ("outer(u, v)", "v", "u: n, v: i", None),
    ("outer(x, x)", "x", "x: n",
     "vec(dY) = kron(x[:, None], eye(n)) @ vec(dx) + kron(eye(n), x[:, None]) @ vec(dx)"),
    ("inv(X.T @ X)", "X", "X: n p",
     "vec(dV) = -kron(inv(Z) @ X.T, inv(Z)) @ vec(dX.T) - kron(inv(Z), inv(Z) @ X.T) @ vec(dX)"),
    ("inv(X + A)", "X", "X: n n, A: n n", "vec(dV) = -kron(inv(Z).T, inv(Z)) @ vec(dX)"),
    ("A @ inv(X) @ B", "X", "A: a n, X: n n, B: n b", "vec(dY) = -kron(B.T @ inv(X).T, A @ inv(X)) @ vec(dX)"),
    ("A * X", "X", "A: n m, X: n m", "vec(dY) = diag(A.T.reshape(m*n)) @ vec(dX)"),
    ("A * X + B @ X", "X", "A: n m, X: n m, B: n n",
     "vec(dY) = diag(A.T.reshape(m*n)) @ vec(dX) + kron(eye(m), B) @ vec(dX)"),
    ("X.T", "X", "X: n d", "vec(dY) = vec(dX.T)"),
    ("X + X.T", "X", "X: n n", "vec(dY) = vec(dX) + vec(dX.T)"),
    ("x / norm(x)", "x", "x: n", "vec(dy) = ((eye(n) - outer(x, x) / (x @ x)) / norm(x)) @ vec(dx)"),
    ("mean(Y, axis=1)", "Y", "Y: n k", "vec(dy) = (kron(ones(k)[None, :], eye(n)) / k) @ vec(dY)"),
    ("sum(Y, axis=0, keepdims=True)", "Y", "Y: n k", "vec(dY1) = kron(eye(k), ones(n)[None, :]) @ vec(dY)"),
    ("outer(z, sum(Y, axis=1))", "Y", "Y: n k, z: l", "vec(dY1) = kron(eye(n), outer(z, ones(k))) @ vec(dY.T)"),
])  # fmt: skip
def test_kronecker_form(expression_, wrt, dims, printed):
    d = hg.derive(expression_, wrt, dims)
    made, _, vec = d.kronecker().partition("  (")
    assert printed in (None, made)
    assert vec in ("vec stacks columns)", "")
    assert d.kronecker("C") != ""
    d.check((0,))


def test_kronecker_form_that_does_not_exist():
    with pytest.raises(hg.ExpressionError, match="is a scalar"):
        hg.derive("L(X)", "X", "X: n i").kronecker()
    with pytest.raises(hg.ExpressionError, match="no sum of Kronecker"):
        hg.derive("softmax(X)", "X", "X: n i").kronecker()
    with pytest.raises(hg.ExpressionError, match="order"):
        hg.derive("X @ A", "X", "X: n i, A: i i").kronecker("K")
    assert hg.derive("A", "X", "X: n i, A: n i").kronecker() == "vec(dA) = 0"


def test_einsum_and_vec_speak_of_defined_names_only():
    d = hg.derive("softmax(W @ x)", "x", "W: k n, x: n")
    assert str(d.einsum()) == "einsum('ka,an->kn', diag(p) - outer(p, p), W)"
    assert d.kronecker() == "vec(dp) = ((diag(p) - outer(p, p)) @ W) @ vec(dx)"
    hadamard = hg.derive("L(tanh(A + f(A)) @ x)", "A", "A: n n, x: n")
    assert "f'(A)" in str(hadamard.einsum())


def test_einsum_exchanges_subscripts():
    d = hg.derive("L(X @ W.T)", "W", "X: n i, W: o i")
    assert str(d.einsum()) == "einsum('no,ni->oi', G, X)"
    X, G = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4)
    assert np.allclose(np.einsum("no,ni->oi", G, X), d.to_numpy()(X=X, W=np.ones((4, 3)), G=G))
