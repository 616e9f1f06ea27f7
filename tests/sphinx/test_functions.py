"""Functions of claims against NumPy's, in values and in derivatives."""

import numpy as np
import pytest

from handgrad.derive import ExpressionError
from handgrad.derive.language.functions import ELEMENTWISE as ROWS
from handgrad.sphinx.claim import Claim, FalseClaimError
from handgrad.sphinx.functions import ELEMENTWISE, FUNCTIONS
from handgrad.sphinx.refute import refute
from handgrad.sphinx.values import Value, value_of

SHAPES = {"tall": (5, 3), "wide": (3, 5), "square": (4, 4), "column": (4, 1), "row": (1, 4), "number": (1, 1)}
pinv = FUNCTIONS["pinv"].apply


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_pseudoinverse_is_that_of_numpy(shape):
    A = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(pinv(value_of(A, 2)).array, np.linalg.pinv(A))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_complex_step_follows_the_pseudoinverse(shape):
    rng = np.random.default_rng(1)
    A, V, h = rng.normal(size=shape), rng.normal(size=shape), 1e-5
    stepped = pinv(value_of(A + 1e-30j * V, 2)).array.imag / 1e-30
    measured = (np.linalg.pinv(A + h * V) - np.linalg.pinv(A - h * V)) / (2 * h)
    np.testing.assert_allclose(stepped, measured, rtol=1e-6, atol=1e-8)


def test_the_pseudoinverse_of_a_vector_is_a_row_and_of_entries_is_taken_for_each():
    v = np.array([3.0, 4.0])
    made = pinv(value_of(v, 1))
    assert (made.row, made.column, made.array.tolist()) == (False, True, [[0.12, 0.16]])
    rows = np.random.default_rng(2).normal(size=(6, 2, 5))
    np.testing.assert_allclose(pinv(Value(rows, ("k",), True, True)).array, np.linalg.pinv(rows))


@pytest.mark.parametrize("name", ["inv", "pinv"])
def test_a_matrix_without_full_rank_is_refused(name):
    A = np.outer([0.1, 0.2, 0.7], [0.3, 0.4, 0.9])  # its determinant is not quite 0
    with pytest.raises(ZeroDivisionError, match=r"singular matrix|without full rank"):
        FUNCTIONS[name].apply(value_of(A, 2))


MOORE_PENROSE = "A P A == A\nP A P == P\n(A P)^T == A P\n(P A)^T == P A"


@pytest.mark.parametrize("dims", ["A: n m", "A: n n", "A: n"])
def test_the_equations_of_moore_and_penrose_hold(dims):
    assert Claim(MOORE_PENROSE, dims, let="P = pinv(A)").check() == 4


@pytest.mark.parametrize("sizes", ["n = 2; m = 5", "n = 5; m = 2"])
def test_the_differential_of_the_pseudoinverse(sizes):
    """Golub and Pereyra's formula, for constant rank."""
    claim = "dP == -P dA P + P P^T dA^T (I_n - A P) + (I_m - P A) dA^T P^T P"
    assert Claim(claim, "A: n m", let="P = pinv(A)", sizes=sizes).check() == 1
    with pytest.raises(FalseClaimError, match="is false"):
        Claim("dP == -P dA P", "A: n m", let="P = pinv(A)", sizes=sizes).check()


INSIDE = {"arcsin": "tanh(x)", "arccos": "tanh(x)", "log": "y", "log2": "y", "log10": "y", "log1p": "y"}


def inside(name):
    """An argument in the domain: any number, one between -1 and 1, a positive one."""
    z = np.random.default_rng(3).normal(size=(7, 1))
    return {"tanh(x)": np.tanh(z), "y": abs(z)}.get(INSIDE.get(name), z)


@pytest.mark.parametrize("name", ROWS)
def test_every_function_of_the_engine_is_computed_and_followed_by_a_complex_step(name):
    z, h = inside(name), 1e-6
    define = np.vectorize(ROWS[name].value, otypes=[float])
    np.testing.assert_allclose(ELEMENTWISE[name](z), define(z), rtol=1e-12)
    stepped = np.asarray(ELEMENTWISE[name](z + 1e-30j)).imag / 1e-30
    np.testing.assert_allclose(stepped, (define(z + h) - define(z - h)) / (2 * h), rtol=1e-7, atol=1e-9)


ZERO = {
    "relu": 0,
    "step": 0,
    "sign": 0,
    "abs": 0,
    "iszero": 1,
    "notzero": 0,
    "isnegative": 0,
    "atleast0": 1,
    "atmost0": 1,
    "elu": 0,
    "leaky_relu": 0,
}


@pytest.mark.parametrize("name", ZERO)
def test_a_complex_step_does_not_move_a_number_off_zero(name):
    for z in (np.zeros((1, 1)), np.full((1, 1), 1e-30j)):
        assert np.asarray(ELEMENTWISE[name](z)).real.item() == ZERO[name]


HOLDS = [
    ("expm1(x) == exp(x) - 1", "erf(x) == 2 Phi(sqrt(2) x) - 1"),
    ("log2(y) == log(y) / log(2)", "log10(y) == log(y) / log(10)"),
    ("arcsin(tanh(x)) + arccos(tanh(x)) == 1/2 pi", "sin(arcsin(tanh(x))) == tanh(x)"),
    ("elu(x) == relu(x) + (1 - step(x)) * expm1(x)", "iszero(relu(x)) == 1 - step(x)"),
    ("d(erf(x))/dx == 2 / sqrt(pi) * exp(-x^2)", "d(log2(y))/dy == 1 / (log(2) y)"),
    ("d(d(erf(x))/dx)/dx == -4 x / sqrt(pi) * exp(-x^2)", "d(elu(x))/dx == step(x) + (1 - step(x)) * exp(x)"),
    ("d(arcsin(x/9))/dx == 1 / sqrt(81 - x^2)", "d(iszero(relu(x)) x)/dx == 1 - step(x)"),
    ("foo(x) + nis(x) == nis(x) + foo(x)", "sigma'(x) - h(x) == -h(x) + sigma'(x)"),
]


KINKS = {"relu": "(x > 0)", "abs": "sign(x)", "leaky_relu": "0.01 + 0.99 * (x > 0)", "elu": "elu(x) + 1 - relu(x)"}


@pytest.mark.parametrize("name", KINKS)
def test_a_counterexample_with_zeros_does_not_refute_the_derivative_of_a_kink(name):
    claim = f"d(K({name}(x)))/dx == G_K * ({KINKS[name]})"
    with pytest.raises(FalseClaimError, match="is called refuted, but it holds"):
        refute(Claim(claim, "x: n"))
    assert refute(Claim(claim.replace("(x > 0)", "(-x > 0)").replace("sign", "").replace("1 -", "2 -"), "x: n"))


@pytest.mark.parametrize("text", [text for pair in HOLDS for text in pair])
def test_what_holds_for_a_function_by_name_is_an_identity_and_is_not_refuted(text):
    options = {"dims": "x:; y:", "where": "y positive"}
    assert Claim(text, **options).check() == 1
    with pytest.raises(FalseClaimError, match="is called refuted, but it holds"):
        refute(Claim(text, **options))
    left, _, right = text.partition(" == ")
    with pytest.raises(FalseClaimError, match="is false"):
        Claim(f"{left} == 2 ({right}) + 1", **options).check()


REFUSED = {
    "simgoid": "simgoid is not known; sigmoid is",
    "sofmax": "sofmax is not known; softmax is",
    "tahn": "tahn is not known; tanh is",
    "simgoid'": "simgoid' is not known; sigmoid is",
    "exp'": "exp' is not supported; write the derivative of exp as a formula",
    "var": "var is not supported in claims",
    "where": "where is not supported in claims",
    "argmax": "argmax is not supported in claims",
    "cumsum": "cumsum is not supported in claims",
    "zeros": "zeros is not supported in claims",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_means_something_is_no_unknown_function(name):
    for judge in (Claim.check, refute):
        with pytest.raises(ExpressionError, match=f"cannot be evaluated: {REFUSED[name]}"):
            judge(Claim(f"{name}(x) == x", "x: n"))
