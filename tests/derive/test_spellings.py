"""Different people write the same thing differently; the derivation is one."""

import pytest

import handgrad as hg
from handgrad.derive.checking.read import World, read_index
from handgrad.derive.checking.read_latex import read_latex

SAME = [
    # what is written, what it means, the variable, the dimensions
    ("np.linalg.slogdet(X)[1]", "logdet(X)", "X", "X: n n"),
    ("c @ np.linalg.solve(A, b)", "c @ inv(A) @ b", "A", "A: n n, b: n, c: n"),
    ("np.linalg.norm(X, 'fro')", "norm(X)", "X", "X: n m"),
    ("np.linalg.norm(X, ord='fro')", "norm(X)", "X", "X: n m"),
    ("np.linalg.norm(x, ord=2)", "norm(x)", "x", "x: n"),
    ("np.linalg.norm(x, 1)", "sum(abs(x))", "x", "x: n"),
    ("norm(X, ord=1, axis=1).sum()", "sum(sum(abs(X), axis=1))", "X", "X: n m"),
    ("np.logaddexp(0, x).sum()", "sum(softplus(x))", "x", "x: n"),
    ("np.logaddexp(x, y).sum()", "sum(x + softplus(y - x))", "x", "x: n, y: n"),
    ("np.maximum(0, X).sum()", "sum(relu(X))", "X", "X: n m"),
    ("np.power(x, 3).sum()", "sum(x**3)", "x", "x: n"),
    ("np.multiply(A, X).sum()", "sum(A * X)", "X", "A: n m, X: n m"),
    ("np.add(np.divide(x, y), np.subtract(x, np.negative(y))).sum()", "sum(x / y + (x + y))", "x", "x: n, y: n"),
    ("np.reciprocal(x).sum() + np.hypot(x, y).sum()", "sum(1 / x) + sum(sqrt(x**2 + y**2))", "x", "x: n, y: n"),
    ("sum(1 / (1 + np.exp(-X @ w)))", "sum(sigmoid(X @ w))", "w", "X: n i, w: i"),
    ("L(np.exp(Z) / (1 + np.exp(Z)))", "L(sigmoid(Z))", "Z", "Z: n k"),
    ("L(2 * exp(z) / (exp(z) + 1))", "L(2 * sigmoid(z))", "z", "z: n"),
    ("np.sum(np.log1p(np.exp(z)))", "sum(softplus(z))", "z", "z: n"),
    ("sum(log(exp(X @ w) + 1))", "sum(softplus(X @ w))", "w", "X: n i, w: i"),
    ("np.inner(a, x)", "a @ x", "x", "a: n, x: n"),
    ("np.dot(A, X).sum() + np.matmul(A, X).sum()", "sum(A @ X) + sum(A @ X)", "X", "A: k n, X: n m"),
    ("np.inner(A, X)", "A @ X.T", "X", "A: k m, X: n m"),
    ("L(X.flatten())", "L(X.reshape(n*m))", "X", "X: n m"),
    ("L(np.ravel(X))", "L(X.reshape(n*m))", "X", "X: n m"),
    ("L(X.reshape(-1))", "L(X.reshape(n*m))", "X", "X: n m"),
    ("L(v.reshape(-1, 1) * X)", "L(v[:, None] * X)", "v", "v: n, X: n m"),
    ("L(v.reshape((n, 1)) * X)", "L(v[:, None] * X)", "v", "v: n, X: n m"),
    ("np.ones((n,)) @ X @ np.ones((m,))", "ones(n) @ X @ ones(m)", "X", "X: n m"),
    ("sum(X * np.ones((n, m)))", "sum(X)", "X", "X: n m"),
    ("sum(X * np.ones_like(X)) + np.zeros_like(X).sum()", "sum(X)", "X", "X: n m"),
    ("np.sum(X, axis=(0, 1))", "sum(X)", "X", "X: n m"),
    ("np.sum(x, axis=(0,),)", "sum(x)", "x", "x: n"),
    ("np.sum(X, axis=(-2, -1))", "sum(X)", "X", "X: n m"),
    ("sum(where(x <= y, x, 2 * x))", "sum(where(x > y, 2 * x, x))", "x", "x: n, y: n"),
    ("sum(where(x >= y, x, 2 * x))", "sum(where(x < y, 2 * x, x))", "x", "x: n, y: n"),
    ("sum((x != y) * x)", "sum((1 - (x == y)) * x)", "x", "x: n, y: n"),
    ("trace(X @ np.identity(n)) + np.amin(x) + X.diagonal().sum()", "trace(X @ eye(n)) + min(x) + sum(diag(X))",
     "X", "X: n n, x: n"),
    ("sum(X) / X.shape[0]", "sum(X) / n", "X", "X: n m"),
    ("sum(X) / X.shape[-1]", "sum(X) / m", "X", "X: n m"),
    ("sum(X) / len(X)", "sum(X) / n", "X", "X: n m"),
    ("sum(X) / X.size", "sum(X) / (n * m)", "X", "X: n m"),
    ("sum(X) / x.shape[0]", "sum(X)", "X", "X: n m, x: 1 n"),
    ("mean_squared_error(X @ W.T, T)", "mean((X @ W.T - T)**2)", "W", "X: n i, W: o i, T: n o"),
    ("sigmoid_cross_entropy(X @ w, y)", "sum(softplus(X @ w) - y * (X @ w)) / n", "w", "X: n i, w: i, y: n"),
    ("sigmoid_cross_entropy(Z, T)", "sum(softplus(Z) - T * Z) / n", "Z", "Z: n k, T: n k"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant", "wrt", "dims"), SAME)
def test_spellings_of_the_same(written, meant, wrt, dims):
    made, wanted = hg.derive(written, wrt, dims), hg.derive(meant, wrt, dims)
    if "where" not in written:  # the mask or what it leaves
        assert str(made) == str(wanted)
    assert made.check((0,)) == wanted.check((0,)) or "where" in written


BAD = [
    ("slogdet(X)", r"write slogdet\(X\)\[1\]"),
    ("norm(X, 2)", "ord=2 of a matrix is not supported; 'fro' is"),
    ("norm(x, ord=3)", "ord=3 of a vector is not supported"),
    ("sum(X, axis=(0, 5))", "axis is"),
    ("X * ones((n, n)*2)", "a tuple is a shape"),
    ("X.reshape(-1, x)", "not one of the dimensions"),
    ("where(x, X)", "where takes 3 arguments, not 2"),
    ("X.shape[2] * X", "is used as .shape"),
    ("X.shape", "is used as .shape"),
    ("X,", "a comma is only used between arguments"),
    ("np.argmax(X)", "it jumps, and where it has a derivative it is zero"),
    ("X.round()", "it jumps"),
    ("np.linalg.foo(X)", "foo is not supported"),
    ("max(0, X)", r"of two arrays is maximum\(a, b\)"),
    ("X^-1", r"an inverse inv\(A\)"),
    ("X' @ X", r"the transpose is X\.T"),
    ("10**10**10 * X", "is not a number"),
    ("||x||", r"a length is norm\(x\)"),
    ("X & X", "a mask of two comparisons"),
    ("x // 2", "// jumps"),
    ("x / / 2", "// jumps"),
    ("x if x > 0 else 0", r"a choice is where\(x > 0, a, b\)"),
    ("2x", r"write 2 \* x"),
    ("1e * x", "'1e' is not a number\n"),
    ("1j * x", "'1j' is not a number\n"),
    ("2.5.1 * x", "'2.5.1' is not a number\n"),
    ("X.I @ x", r"an inverse is inv\(A\)"),
    ("I @ x", r"an identity matrix is eye\(n\)"),
    ("MSE(x, x)", "mse is"),
    ("L'(X)", "the gradient of a loss L is called G"),
    ("rank(X)", "rank is not supported"),
    ("concatenate([X, X])", "lists are not supported"),
    ("Xᵀ @ x", r"the transpose is X\.T"),
    ("X⁻¹ @ x", r"an inverse is inv\(A\)"),
    ("x·x", r"a product is written \* or @"),
    ("where(X > 0, X, -inf)", "a mask takes a large number, -1e9"),
    ("10**400 * X", "is not a number"),
]


@pytest.mark.parametrize(("written", "message"), BAD)
def test_spellings_that_are_refused(written, message):
    with pytest.raises(hg.ExpressionError, match=message) as caught:
        hg.derive(written, "X", "X: n n, x: n")
    assert "^" in str(caught.value)


def test_symbols_take_the_operators_of_python():
    X, y, L = hg.symbols("X y L", dims={"X": "n k", "y": "n"})
    dims = "X: n k, y: n"
    for made, written in [
        (L(X * y[:, None]), "L(X * y[:, None])"), ((y[None, :] @ X).sum(), "sum(y[None, :] @ X)"),
        ((2**y).sum(), "sum(2**y)"), (((y >= 0) * y).sum(), "sum((y >= 0) * y)"),
        (((y <= 1) * y).sum(), "sum((y <= 1) * y)"), ((+abs(y)).sum(), "sum(+abs(y))"),
    ]:  # fmt: skip
        assert str(hg.derive(made, "y", dims)) == str(hg.derive(written, "y", dims))
    with pytest.raises(hg.ExpressionError, match=r"\[0\] is not supported"):
        y[0]


def test_a_comparison_prints_numbers_second():
    assert str(hg.derive("sum(clip(x, -1, 1))", "x", "x: n").gradient) == "(x > -1) * (x < 1)"
    assert hg.derive("sum(clip(x, -1, 1))", "x", "x: n").check((0,))
    assert str(hg.derive("sum(where(c < x + y, x, 0))", "x", "x: n, y: n, c: n").gradient) == "(c < x + y)"
    hinge = hg.derive("mean(maximum(0, 1 - y * (X @ w)))", "w", "X: n i, w: i, y: n")
    assert str(hinge.gradient) == "-X.T @ (y * (z > 0)) / n"
    assert "-1.0 * (x > 0)" in hg.derive("-sum(relu(x))", "x", "x: n").source
    hg.derive("-sum(relu(x))", "x", "x: n").check((0,))


def test_a_transpose_of_a_sum_is_the_same_array():
    d = hg.derive("trace((X @ A - B).T @ (X @ A - B))", "X", "X: n m, A: m k, B: n k")
    assert str(d.gradient) == "2 * (X @ A - B) @ A.T"


def test_a_dimension_that_is_a_product_stays_together_in_vec():
    assert hg.derive("kron(A, B) @ x", "x", "A: i j, B: k l, x: j*l").check((0,))


def test_an_array_may_be_called_delta():
    huber = "sum(where(abs(r) < delta, 0.5 * r**2, delta * (abs(r) - 0.5 * delta)))"
    for dims in ("r: n, delta:", "r: n, delta: n"):
        assert hg.derive(huber, "r", dims).check((0,))
    layer = hg.derive("sum(delta * (X @ W.T))", "W", "X: n i, W: o i, delta: n o")
    assert layer.check((0,))
    assert "sum_i X[n,i] kdelta[o,p] kdelta[i,q]" in layer.text()


def test_small_values_and_roots_can_be_checked():
    assert hg.derive("-sum(T * log(softmax(X @ W.T)))", "W", "X: n i, W: k i, T: n k").check()
    assert hg.derive("sqrt((x - y) @ M @ (x - y))", "x", "x: n, y: n, M: n n").check()


def test_one_gradient_belongs_to_one_loss():
    for written in ("L(X @ A) + L(X)", "L(L(X) * A)"):
        with pytest.raises(hg.ExpressionError, match=r"two different arguments.*G_K"):
            hg.derive(written, "X", "X: n n, A: n n")
    assert str(hg.derive("L(X @ A) + K(X)", "X", "X: n n, A: n n").gradient) == "G @ A.T + G_K"
    assert hg.derive("L(X @ A) + K(X)", "X", "X: n n, A: n n").check((0,))
    assert str(hg.derive("L(X) + L(X)", "X", "X: n n").gradient) == "2 * G"


def test_latex_of_products_of_numbers_and_of_numbered_letters():
    assert read_latex(r"2 \cdot 3 \, X_{n_{1}q}", {"X"}, {"n"}).replace(" ", "") == "23X[n1,q]"


def test_an_index_that_a_matrix_does_not_have_is_refused():
    world = World({"A": {(0,): 1.0, (1,): 2.0}}, {"A": (("n",),)}, {"n": 2, "m": 3}, {})
    with pytest.raises(hg.ExpressionError, match="an index has 2 axes"):
        read_index("(A^T)[p,q]", world, [("p", "m"), ("q", "n")])


@pytest.mark.parametrize(("written", "wrt", "dims"), [
    ("sum(exp(lv) - mu**2)", "lv", "lv: n k, mu: n k"),
    ("sum(exp(lv) - mu**2)", "mu", "lv: n k, mu: n k"),
    ("a @ inv(X + lam * eye(n)) @ a", "lam", "a: n, X: n n, lam:"),
    ("L(gamma * X + beta)", "gamma", "X: n k, gamma: k, beta: k"),
    ("L(delta * X)", "delta", "X: n k, delta: k"),
])  # fmt: skip
def test_variables_with_greek_and_long_names(written, wrt, dims):
    assert hg.derive(written, wrt, dims).check((0,))


@pytest.mark.parametrize("written", ["np.trace(f(X))", "sum(np.log(X**2 + 1e-8))", "np.sum(f(X) * np.exp(g(X)))"])
def test_functions_inside_those_of_numpy_and_small_numbers(written):
    assert hg.derive(written, "X", "X: n n").check((0,))


@pytest.mark.parametrize("near", [
    "1 / (2 + exp(x))", "1 / (1 + 2 * exp(x))", "1 / (1 + exp(x)**2)", "1 / (1 + x * exp(x))", "1 / (1 + cos(x))",
    "1 / (1 + x)", "log(1 - exp(-x**2))", "1 / (1 + exp(x) + x)", "(exp(x) + y) / (1 + exp(x)) - sigmoid(x)",
])  # fmt: skip
def test_what_only_looks_like_a_sigmoid_is_none(near):
    d = hg.derive(f"sum({near})", "x", "x: n, y: n")
    assert d.check((0,)) > 3
    assert ("sigmoid" in str(d)) == ("sigmoid" in near)
