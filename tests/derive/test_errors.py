"""Bad input gets an error that names what was wrong, and where."""

import subprocess
import sys
import time

import numpy as np
import pytest

import handgrad as hg
from handgrad.derive.candidate import judge

DIMS = {"X": "n i", "W": "o i", "x": "n", "c": "", "A": "n n"}

BAD = [
    ("X @", "ends where an operand"),
    ("", "ends where an operand"),
    ("X W", "follows a complete factor"),
    ("Y = X @ W.T", "'=' has no meaning here; write the right side alone"),
    ("softmax_cross_entropy(X, x)", r"x has shape \(n,\) and X \(n, i\); the targets are rows of probabilities"),
    ("X + W", r"cannot match axis n with axis o"),
    ("X * W.T", "for the matrix product write @"),
    ("X + x", r"v\[:, None\]"),
    ("X @ W", "axis 1 of X is i and axis 0 of W is o"),
    ("Q + X", "unknown name 'Q'"),
    ("X.foo", "not supported"),
    ("X.foo()", "no method"),
    ("X.5", "follows a complete factor"),
    ("X.(1)", "an attribute such as .T"),
    ("X[0]", r"whose axes are \(n, i\): only an axis of length 1"),
    ("X[1:2]", "not supported"),
    ("X[0", "never closed"),
    ("X[:, None]", r"\[:, None\]: X has shape \(n, i\); it must have 1 axis"),
    ("c[None, :]", r"\[None, :\]: c has shape \(\); it must have 1 axis"),
    ("sum(X", "never closed"),
    ("X)", "closes nothing"),
    ("X]", "closes nothing"),
    ("(X, X)", "only used between arguments"),
    ("X.sum(axis=5)", "axis is 5"),
    ("c.sum(axis=0)", "no axes"),
    ("X.sum(axis=c)", "whole number"),
    ("X.sum(axis=1 X)", "closing parenthesis"),
    ("X.sum(where=1)", "takes no argument where"),
    ("f(X, axis=1)", "takes no argument axis"),
    ("L(X, W)", "takes 1 argument"),
    ("trace(X)", "must be the same"),
    ("inv(X)", "must be square"),
    ("trace(x)", "must have 2 axes"),
    ("X @ 3", "write \\* for a multiple"),
    ("x @ x.T", "ambiguous"),
    ("x @ X.T", "must be the same"),
    ("argmax(X)", "not supported"),
    ("einsum('ni,i', X)", "einsum: 'ni,i->n' needs one group of letters per array"),
    ("einsum('n1->n', X)", "letters only"),
    ("einsum(X, X)", "subscripts come first"),
    ("sum(svd(X))", "svd is not supported"),
    ("np.linalg.pinv(X)", "pinv is not supported"),
    ("lstsq(A, x)", "lstsq is not supported"),
    ("X + 'a'", "no part of an expression"),
    ("'a' + X", "no part of an expression"),
    ("1/0", "not a number"),
    ("X/0", "division by zero"),
    ("log(-1) * X", "not a number"),
    ("(-1)**0.5 * X", "not a number"),
    ("1e400 * X", "not a number"),
    ("1x * X", "is not a number"),
    ("X $ X", "no meaning"),
    ("X; X", "no meaning"),
    ("eye(c)", "not one of the dimensions"),
    ("ones(3)", "not one of the dimensions"),
    ("X.reshape(i, n)", "cannot become"),
    ("X.reshape(c, n)", "not one of the dimensions"),
    ("matrix_power(A, c)", "whole number"),
    ("softmax(c)", "has no axes"),
    ("softmax(X[:, 0:])", "not supported"),
    ("max(c)", "only one entry"),
    ("max(1 - x, 0)", r"max\(1 - x, axis=0\) or maximum\(1 - x, 0\)"),
    ("x.min(0)", r"minimum\(x, 0\)"),
    ("X(X)", "is an array in dims"),
    ("__import__('os').system('x')", "cannot name a function"),
    ("lambda: X", "unknown name 'lambda'"),
    ("1 < X < 2", "not chained"),
    ("X == X == X", "not chained"),
    ("sum(X, axis=0, axis=1)", "axis= is given twice"),
    ("X.reshape(-1, -1)", "only one axis may be -1"),
    ("eye(n, i) * X", "eye takes one dimension, not 2"),
    ("eye()", "eye takes one dimension, not 0"),
    ("ones()", "ones needs a dimension"),
    ("d(X)", "d is not supported"),
    ("einsum('éi->i', X)", "letters only"),
    ("norm('fro')", "norm of a string"),
    ("L(sofmax(X))", "sofmax is not known; softmax is"),
    ("L(tahn(X))", "tahn is not known; tanh is"),
    ("sum(X) * 1e-400", "1e-400 is too small"),
    ("L(layer_norm(X))", "layer_norm is not supported"),
    ("where(X, X**2, W)", "X is no comparison; write X != 0"),
    ("where(X > 0, X, 1) * where(2 - (X > 0), X, 1)", "is no comparison"),
]


@pytest.mark.parametrize(("expression", "message"), BAD)
def test_bad_expression(expression, message):
    with pytest.raises(hg.ExpressionError, match=message) as caught:
        hg.derive(expression, "X", DIMS)
    if expression:
        assert "^" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_the_caret_is_under_the_operator():
    with pytest.raises(hg.ExpressionError) as caught:
        hg.derive("X @ W.T + X", "X", DIMS)
    *_, source, caret = str(caught.value).split("\n")
    assert source[caret.index("^")] == "+"


@pytest.mark.parametrize("text", [
    "(" * 2000 + "X" + ")" * 2000, "X + " * 30_000 + "X", "-" * 50_000 + "X", "X" * 100_000,
    "f(" * 2000 + "X" + ")" * 2000, "__import__('os')", "X" + ".T" * 30_000,
])  # fmt: skip
def test_hostile_input_is_refused_quickly(text):
    start = time.process_time()
    with pytest.raises(hg.ExpressionError):
        hg.derive(text, "X", DIMS)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(("dims", "message"), [
    ({"X": "n i k"}, "at most 2"), ({"X": 3}, "must be a string"), ({"X": "n-i"}, "not a dimension"),
    ({"1X": "n"}, "cannot be a name"), ({"G_X": "n"}, "cannot be a name"), ([("X", "n")], "dict or a string"),
    ("X", "of the form"), ("x: (n,)", r"'x: \(n,\)' must be of the form"), ("X: n i k", r"has 3 axes \(n i k\)"), ("X: (n, i)", "of the form"),
    ({None: "n"}, "None cannot be a name"), ({"lambda": "n"}, "cannot be a name"),
    ({"np": ""}, "np is NumPy"), ({"sum_x": "n"}, "sum_... is a sum sign"), ({"tr": "n"}, "tr is the trace"),
    ({"Y": "n k", "dY": "n k"}, "'dY' cannot be a name beside Y, whose differential it is"),
    ({"I_n": "n n"}, "I_... names identity matrices"), ("X: n i, X: i n", "X is given twice"),
])  # fmt: skip
def test_bad_dims(dims, message):
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive("X", "X", dims)


def test_bad_arguments():
    with pytest.raises(hg.ExpressionError, match="wrt"):
        hg.derive("X", "Q", DIMS)
    for wrt in (["X"], {"X"}, None):
        with pytest.raises(hg.ExpressionError, match="wrt"):
            hg.derive("X", wrt, DIMS)
    for seeds in (5, ()):
        with pytest.raises(hg.ExpressionError, match="seeds"):
            hg.derive("X", "X", DIMS).check(seeds)
    with pytest.raises(hg.ExpressionError, match="look the same in LaTeX"):
        hg.derive("x_1 * x1", "x1", "x_1: n, x1: n").latex()
    with pytest.raises(hg.ExpressionError, match="layout"):
        hg.derive("X", "X", DIMS, layout="row")
    with pytest.raises(hg.ExpressionError, match="notation"):
        hg.derive("X", "X", DIMS).steps("tensor")
    with pytest.raises(hg.ExpressionError, match="must be a string"):
        hg.derive(3, "X", DIMS)
    with pytest.raises(hg.ExpressionError, match="names the gradient"):
        hg.derive("L(X @ G)", "X", "X: n i, G: i o")
    with pytest.raises(hg.ExpressionError, match="neither a symbol nor a number"):
        hg.symbols("X", dims=DIMS) + "a"
    with pytest.raises(AttributeError):
        hg.symbols("X", dims=DIMS).foo  # noqa: B018 - the attribute is what is tested


@pytest.mark.parametrize(("expression", "message"), [
    ("x / (n - n)", "division by zero"), ("(" * 12 + "x + x" + ")**9" * 12, "not a number to derive with"),
    (" @ ".join(["A"] * 3000), "a product of 51 factors is too long"),
])  # fmt: skip
def test_what_is_found_after_reading(expression, message):
    start = time.process_time()
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive(expression, "x" if "x" in expression else "A", DIMS)
    assert time.process_time() - start < 2


def test_symbols_build_the_same_tree():
    X, W, c, L, f = hg.symbols("X W c L f", dims=DIMS)
    made = hg.derive(L(2 * f(X @ W.T / 3) - 1 + (1 - X @ W.T) ** 2 + c), W)
    text = hg.derive("L(2 * f(X @ W.T / 3) - 1 + (1 - X @ W.T)**2 + c)", "W", DIMS)
    assert str(made.gradient) == str(text.gradient)
    assert str(hg.derive((1 / X).sum(axis=0).sum(), X).gradient) == "-1 / X**2"
    assert repr(1 + X) == "<1 + X : (n, i)>"
    assert repr(X.softmax(axis=0)) == "<softmax(X, axis=0) : (n, i)>"


def test_symbols_beside_what_is_none():
    x, A = hg.symbols("x A", dims="x: n, A: n n")
    with pytest.raises(hg.ExpressionError, match=r"(?s)array.*\(ndarray\) is neither a symbol nor a number"):
        np.eye(3) @ x
    with pytest.raises(hg.ExpressionError, match=r"call it, as in A.inv\(\)"):
        A @ A.inv @ x
    assert str(np.int64(3) * x + np.float64(0.5)) == "3 * x + 0.5"


def test_a_variable_that_does_not_occur_has_gradient_zero():
    d = hg.derive("L(W)", "X", DIMS)
    assert str(d.gradient) == "zeros(n, i)"
    assert "does not occur" in d.steps("index")[-1].rule
    d.check((0,))


def test_false_derivations_are_named():
    d = hg.derive("log(-1 - x**2)", "x", "x: n")
    with pytest.raises(hg.DerivationError, match="no value"):
        d.check()


def test_the_engine_needs_no_numpy():
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numpy":
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import handgrad as hg
d = hg.derive("L(tanh(X @ W.T))", "W", "X: n i, W: o i")
assert d.check() > 10
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_length_that_is_no_name_in_python():
    assert hg.derive("L(X)", "X", "X: n in").source
    with pytest.raises(hg.ExpressionError, match="give the dimension another name"):
        hg.derive("mean(X, axis=1)", "X", "X: n in").to_numpy()


def test_a_length_that_no_array_shows():
    d = hg.derive("A.reshape(i, k*l)", "A", "A: i k*l")
    with pytest.raises(hg.ExpressionError, match="no axis of an array tells the length k"):
        d.to_numpy()


@pytest.mark.parametrize(("expression", "dims", "message"), [
    ("mean(x**2) + n * x @ x", "x: n, n:", "n is an array, and the length of an axis"),
    ("sum(n * x)", "x: n, n:", "n is an array, and the length of an axis"),
    ("sum(gelu(x * phi))", "x: n, phi: n", "phi is an array, and the derivative needs the function"),
    ("det(A * x)", "x: n n, inv: n, A: n n", "inv is an array, and the derivative needs the function"),
])  # fmt: skip
def test_a_name_that_the_derivation_needs(expression, dims, message):
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive(expression, "x", dims)


def test_a_name_that_the_derivation_does_not_need():
    assert hg.derive("L(x * n)", "x", "x: n, n: n").check((0,))
    assert hg.derive("L(I @ x) + trace(inv(A + I) @ I)", "A", "I: n n, x: n, A: n n").check((0,))
    assert "\\mathbf{I}_{n}" in hg.derive("I @ x + x", "x", "I: n n, x: n").latex()
    assert hg.derive("sum(dL * x)", "x", "dL:, x: n").check((0,))


def test_names_without_dims():
    with pytest.raises(hg.ExpressionError, match='"X: n i, W: o i"'):
        hg.derive("L(X @ W.T)", "W", "")


@pytest.mark.parametrize(("candidate", "message"), [
    ("foo(x)", "foo is no function of"), ("x**0.5", "has no value where"), ("log(-x * x)", "has no value where"),
])  # fmt: skip
def test_a_candidate_without_a_value(candidate, message):
    with pytest.raises(hg.ExpressionError, match=message):
        judge(candidate, hg.derive("x @ x", "x", "x: n"))


def test_a_judge_says_what_its_names_stand_for():
    verdict = judge("(T - P) / n", hg.derive("softmax_cross_entropy(X, T)", "X", "X: n k, T: n k"))
    assert str(verdict).endswith("(P - T) / n, where P = softmax(X)")


@pytest.mark.parametrize(("expression", "dims", "message"), [
    ("L(mean(X, axis=1))", "X: n G", "give the axis in dims another name"),
    ("sum(sigmoid(X))", "X: n sigmoid", "sigmoid is an axis, and the derivative needs the function"),
    ("sum(X)", "X: n np", "'np' cannot be a name; np is NumPy"),
])  # fmt: skip
def test_axes_are_not_called_like_what_is_needed(expression, dims, message):
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive(expression, "X", dims)


@pytest.mark.parametrize("index", [":, None", ":, np.newaxis", "..., None", "..., np.newaxis"])
def test_every_way_to_add_an_axis(index):
    assert hg.derive(f"sum(X * b[{index}])", "b", "X: n m, b: n").check((0,))


@pytest.mark.parametrize(("expression", "message"), [
    ("L(X @ W^T)", r"'\^' has no meaning here; .*, a transpose A\.T"),
    ("sum(X'X)", "the transpose is X.T"),
    ("sum(where((x > 0) & (x < 1), x, 0))", r"a mask of two comparisons is \(x > 0\) \* \(x < 1\)"),
    ("min(x, 1)", "with a number it is minimum"),
    ("vec(X)", r"vec is X.T.flatten\(\) if it stacks columns"),
    ("Tr(X)", "Tr is not known; tr is"),
    ("X^T X", r"'\^' has no meaning here; a power is \*\*"),
    ("x**X", r"x has shape \(n,\) and X has shape \(n, i\): \*\* cannot match axis n with axis i"),
    ("where(x > 0 and x < 1, x, 0)", r"a mask of two comparisons is \(x > 0\) \* \(x < 1\)"),
    ("max(x, 0)", r"max\(x, axis=0\) or maximum\(x, 0\)"),
    ("softmax(X, dim=1)", "no argument dim=; write axis="),
    ("clip(x, min=0, max=1)", r"no argument min=; write clip\(x, low, high\)"),
    ("cross_entropy(X, X)", r"softmax_cross_entropy\(Z, T\)"),
    ("L(softmin(X))", r"it is softmax\(-X\)"),
    ("trace(logm(X))", "logm is not supported"),
    ("L(LayerNorm(X))", "LayerNorm is not supported"),
    ("sum(normalize(x))", "normalize is not supported"),
])  # fmt: skip
def test_what_is_meant_is_said(expression, message):
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive(expression, "X", "X: n i, W: o i, x: n")


@pytest.mark.parametrize(("expression", "gradient"), [
    ("sum(ln(x))", "1 / x"),
    ("sum(logsigmoid(x))", "sigmoid(-x)"),
    ("logabsdet(diag(x))", "1 / x"),
    ("Entropy(x)", "G_Entropy"),
    ("mse(x, y)", "2 * (x - y) / n"),
])  # fmt: skip
def test_other_names_of_known_functions(expression, gradient):
    assert str(hg.derive(expression, "x", "x: n, y: n").gradient) == gradient
