"""The check: it catches every mutant and says what it is, and never accuses a right pullback."""

import math
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mutants import MUTANTS

import handgrad as hg
from handgrad.check import Report

ACTIVATIONS = [hg.relu, hg.leaky_relu, hg.sigmoid, hg.tanh, hg.gelu, hg.softplus, hg.softmax, hg.log_softmax]
COMPLEX, CENTRAL = "complex step", "central difference"


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def elementwise(f, derivative):
    """Return the operation f with the pullback dA -> dA * derivative(Z)."""

    def op(Z):
        return f(Z), lambda dA: dA * derivative(Z)

    return op


# ---- every mistake is caught, and named


def test_there_are_more_mutants_than_classes_of_mistakes():
    assert len(MUTANTS) >= 21
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.parametrize("seed", range(3))
def test_mutant_is_caught_and_its_twin_is_not(mutant, seed):
    report = hg.check_pullback(mutant.wrong, *mutant.primals, rng=seed)
    assert report.verdict == mutant.verdict, report
    assert mutant.words in str(report)
    assert str(report).startswith(f"{mutant.verdict}: ")
    assert not report.ok
    assert (report.factor is not None) == (report.verdict == "scaled")
    twin = hg.check_pullback(mutant.right, *mutant.primals, rng=seed)
    assert twin.ok, twin


@pytest.mark.parametrize("factor", [2.0, -2.0, 0.25, 1e-3, 1.001])
def test_factor_is_measured(factor):
    x = normal(4)
    report = hg.check_gradient(lambda x: (x**3).sum(), x, factor * 3 * x**2)
    assert report.verdict == "scaled"
    assert report.factor == pytest.approx(factor, rel=1e-9)
    assert report.error == pytest.approx(abs(factor - 1), rel=1e-9)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (32.0, "32 times too large; 32 is the number of rows of x"),
        (64.0, "64 times too large; 64 is twice the number of rows of x"),
        (1 / 16, "16 times too small; 16 is half the number of rows of x"),
        (1 / 5, "5 times too small; 5 is the number of columns of x"),
        (160.0, "160 is the number of entries of x"),
        (7.0, "7 times too large; a whole number: the number of samples"),
        (math.pi, "3.141592654 times too large. In entry"),
        (1 + 1e-7, "1.0000001 times too large. In entry"),
    ],
)
def test_factor_is_named(factor, words):
    x = normal(32, 5)
    assert words in str(hg.check_gradient(lambda x: (x**2).sum(), x, factor * 2 * x))


def test_report_states_shape_numbers_and_method():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    wrong = 2 * x
    wrong[1, 0] = -50.0
    report = hg.check_gradient(lambda x: (x**2).sum(), x, wrong)
    assert report == Report("mismatch", report.error, COMPLEX, str(report))
    assert "wrong in 1 of its 6 entries" in str(report)
    assert "In entry (1, 0) of shape (2, 3) received -50, expected 8; error 3.0e+00" in str(report)
    assert report.error == pytest.approx(58 / np.linalg.norm(2 * x))
    with pytest.raises(AssertionError, match=r"In entry \(1, 0\)"):
        report.assert_ok()


def test_every_wrong_gradient_has_its_sentence():
    def op(X, W, b):
        return hg.linear(X, W, b)[0], lambda dY: (-dY @ W, dY.T @ X, 2 * dY.sum(axis=0))

    report = hg.check_pullback(op, normal(5, 3), normal(4, 3), normal(4))
    first, second = str(report).split("\n")
    assert report.verdict == "sign"
    assert first.startswith("sign: the gradient for X has the wrong sign")
    assert second.startswith("scaled: the gradient for b is 2 times too large")
    assert report.error == pytest.approx(2.0)


def test_wrong_argument_is_not_tried_where_the_operation_is_undefined_at_its_own_value():
    Z = np.array([0.25, 0.5, 0.75])  # the logarithm of a logarithm below 0

    def logarithm(Z):
        return np.log(Z), lambda dA: dA / Z**2

    assert hg.check_pullback(logarithm, Z).verdict == "mismatch"


def test_a_diagnosis_that_cannot_be_tried_is_not_made():
    Z = np.array([0.25, 0.5, 0.75])

    def here(x):
        assert np.abs(x.real - Z).max() < 1e-3, "the caller did not ask about this point"

    def picky_pullback(Z):
        return np.sin(Z), lambda dA: here(Z) or dA * np.cos(Z) ** 2

    def picky(Z):
        return here(Z) or picky_pullback(Z)

    for op in (picky_pullback, picky):
        assert hg.check_pullback(op, Z).verdict == "mismatch"
        with pytest.raises(AssertionError, match="did not ask"):
            hg.check_pullback(op, 2 * Z)


def test_broadcast_is_not_blamed_where_a_column_would_not_fit():
    def op(Y, T):
        if T.ndim == 2:
            raise ValueError("T needs one axis")
        return ((Y[:, 0] - T) ** 2).sum(), lambda d: d * (Y + T[:, None])

    report = hg.check_pullback(op, normal(5, 1), normal(5, seed=1))
    assert report.verdict == "mismatch"
    assert "wrong in every entry" in str(report)


# ---- a right pullback is never accused


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e4])
@pytest.mark.parametrize("shape", [(5, 3), (4, 4), (1, 3), (6, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_operations_match(shape, scale, seed):
    rng = np.random.default_rng(seed)
    Z, T, U = scale * rng.normal(size=shape), rng.normal(size=shape), rng.random(shape)
    rows, classes = U / U.sum(axis=1, keepdims=True), rng.integers(shape[1], size=shape[0])
    W, b = rng.normal(size=(7, shape[1])), rng.normal(size=7)
    checks = [(op, Z) for op in ACTIVATIONS]
    checks += [(hg.linear, Z, W, b), (hg.linear, Z, scale * W), (hg.linear, Z, W, None), (hg.leaky_relu, Z, 0.2)]
    for reduction in ("mean", "sum"):
        checks += [
            (partial(hg.mean_squared_error, reduction=reduction), Z, T),
            (partial(hg.softmax_cross_entropy, reduction=reduction), Z, classes),
            (partial(hg.softmax_cross_entropy, reduction=reduction), Z, rows),
            (partial(hg.sigmoid_cross_entropy, reduction=reduction), Z, U),
            (partial(hg.sigmoid_cross_entropy, reduction=reduction), Z, (U > 0.5).astype(float)),
        ]
    for op, *primals in checks:
        hg.check_pullback(op, *primals, rng=seed).assert_ok()


@settings(max_examples=60, deadline=None)
@given(
    op=st.sampled_from([hg.sigmoid, hg.tanh, hg.softplus, hg.softmax, hg.log_softmax]),
    Z=hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.floats(-1e4, 1e4, width=32)
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_point_of_a_smooth_operation_matches(op, Z, seed):
    assert hg.check_pullback(op, Z, rng=seed).ok


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(0, 5), i=st.integers(1, 5), o=st.integers(1, 5), exponent=st.integers(-6, 4), seed=st.integers(0, 999)
)
def test_any_linear_layer_matches_and_its_negative_does_not(n, i, o, exponent, seed):
    X, W, b = 10.0**exponent * normal(n, i, seed=seed), normal(o, i, seed=seed + 1), normal(o, seed=seed + 2)
    assert hg.check_pullback(hg.linear, X, W, b, rng=seed).ok

    def negative(X, W, b):
        Y, pullback = hg.linear(X, W, b)
        return Y, lambda dY: tuple(-gradient for gradient in pullback(dY))

    assert hg.check_pullback(negative, X, W, b, rng=seed).verdict == ("sign" if n else "match")


def test_views_match_and_stay_as_they_are():
    X, W = normal(10, 6)[::2, ::-2], normal(3, 4).T
    assert not X.flags.c_contiguous
    assert not W.flags.c_contiguous
    before = X.copy(), W.copy()
    assert hg.check_pullback(hg.linear, X, W).ok
    np.testing.assert_array_equal((X, W)[0], before[0])
    np.testing.assert_array_equal((X, W)[1], before[1])


def test_empty_batch_matches():
    assert hg.check_pullback(hg.linear, np.ones((0, 3)), normal(4, 3), normal(4)).ok
    assert hg.check_pullback(hg.relu, np.ones((0, 3))).ok


def test_layers_match():
    net = hg.Sequential(hg.Linear(3, 5, rng=0), hg.Tanh(), hg.Linear(5, 2, rng=1))
    assert hg.check_pullback(lambda X: (net.forward(X), net.backward), normal(7, 3)).ok


def test_a_scalar_is_a_point_too():
    assert hg.check_gradient(lambda t: t**3, 2.0, 12.0).ok
    assert hg.check_gradient(np.sin, 2.0, np.cos).ok
    assert hg.check_gradient(np.sin, 2.0, math.sin).verdict == "scaled"
    assert hg.check_pullback(lambda t: (t**3, lambda d: 3 * t**2 * d), 2.0).ok


def test_constant_function_has_gradient_zero():
    x = normal(3)
    assert hg.check_gradient(lambda x: 0 * x.sum() + 1, x, np.zeros(3)).ok
    report = hg.check_gradient(lambda x: 0 * x.sum() + 1, x, np.ones(3))
    assert report.verdict == "mismatch"
    assert report.error == np.inf


def test_unused_primal_has_gradient_zero_and_not_none():
    def op(X, W):
        return 2 * X, lambda dY: (2 * dY, np.zeros(W.shape))

    assert hg.check_pullback(op, normal(3), normal(4)).ok


# ---- many entries: random directions in place of one for each entry


@pytest.mark.parametrize("shape", [(40, 50), (2000,)], ids=str)
def test_large_arrays_are_checked_along_random_directions(shape):
    x = normal(*shape)
    wrong = 3 * x**2
    wrong.flat[123] *= 1.01
    assert hg.check_gradient(lambda x: (x**3).sum(), x, 3 * x**2).ok
    report = hg.check_gradient(lambda x: (x**3).sum(), x, wrong)
    assert report.verdict == "mismatch"
    assert "Along a random direction" in str(report)
    assert hg.check_gradient(lambda x: (x**3).sum(), x, 12 * x**2).factor == pytest.approx(4)


def test_large_layer_is_fast_and_diagnosed():
    X, W = normal(64, 200), normal(100, 200)
    calls = []

    def op(X, W):
        calls.append(1)
        return X @ W.T, lambda dY: (dY @ W, -dY.T @ X)

    assert hg.check_pullback(op, X, W).verdict == "sign"
    assert len(calls) < 60


def test_large_activation_with_an_unknown_mistake():
    Z = normal(50, 40)
    weight = 1 + normal(50, 40, seed=1) ** 2
    report = hg.check_pullback(elementwise(np.tanh, lambda Z: weight * (1 - np.tanh(Z) ** 2)), Z)
    assert str(report).startswith("mismatch: the gradient for Z is wrong. Along a random direction of shape (50, 40)")


def test_shape_that_nothing_explains():
    report = hg.check_gradient(lambda W: (W**2).sum(), normal(4, 3), np.ones((7, 2)))
    assert str(report) == "shape: the gradient for W has shape (7, 2); its variable has shape (4, 3)"


def test_zero_gradient_is_called_zero():
    def mirrored(X):
        return X[:, ::-1], lambda dY: 0 * dY

    assert "zero everywhere" in str(hg.check_pullback(mirrored, normal(3, 4)))  # as is the Jacobian's diagonal


def test_steep_function_is_not_a_kink():
    x = normal(3)
    report = hg.check_gradient(lambda x: np.sin(1e3 * x.real).sum(), x, -1e3 * np.cos(1e3 * x))
    assert report.verdict == "sign"


def test_vector_has_no_other_axis_to_sum_over():
    A = normal(4, 4)
    report = hg.check_pullback(lambda x: (A @ x, lambda G: G * A.sum(axis=1)), normal(4, seed=1))
    assert report.verdict == "mismatch"


def test_square_layer_with_an_unknown_mistake():
    X, W, b = normal(4, 4), normal(4, 4, seed=1), normal(4, seed=2)

    def op(X, W, b):
        return hg.linear(X, W, b)[0], lambda dY: (dY @ W + np.roll(dY, 1), dY.T @ X, dY.sum(axis=0))

    assert "X is wrong in every entry" in str(hg.check_pullback(op, X, W, b))


# ---- the method is chosen by trying it


def only_real(Z):
    assert Z.dtype == float, "this function computes with real numbers"
    return Z**2


METHODS = {
    "exp": (COMPLEX, np.exp, np.exp),
    "maximum": (COMPLEX, lambda Z: np.maximum(Z, 0.1), lambda Z: Z > 0.1),
    "where": (COMPLEX, lambda Z: np.where(Z > 0, Z, 2 * Z), lambda Z: np.where(Z > 0, 1, 2)),
    "abs answers wrongly": (CENTRAL, np.abs, np.sign),
    "conj answers wrongly": (CENTRAL, lambda Z: Z * np.conj(Z) + Z, lambda Z: 2 * Z + 1),
    "real answers wrongly": (CENTRAL, lambda Z: Z.real**2, lambda Z: 2 * Z),
    "a little abs": (CENTRAL, lambda Z: Z + 1e-6 * np.abs(Z), lambda Z: 1 + 1e-6 * np.sign(Z)),
    "float only warns": (CENTRAL, lambda Z: np.array(Z, dtype=float) ** 2, lambda Z: 2 * Z),
    "float only warns, where flat": (CENTRAL, lambda Z: 0 * np.array(Z, dtype=float), np.zeros_like),
    "logaddexp refuses": (CENTRAL, lambda Z: np.logaddexp(Z, 0), lambda Z: 1 / (1 + np.exp(-Z))),
    "assert refuses": (CENTRAL, only_real, lambda Z: 2 * Z),
    "out refuses": (CENTRAL, lambda Z: np.add(Z, 1, out=np.empty(Z.shape)), np.ones_like),
}


@pytest.mark.parametrize("name", METHODS)
def test_complex_step_is_used_where_it_is_right(name):
    method, f, derivative = METHODS[name]
    report = hg.check_pullback(elementwise(f, derivative), normal(4, 3) + 0.05)
    assert report.ok, report
    assert report.method == method
    assert method in str(report)


def test_inexact_difference_does_not_discredit_the_complex_step():
    steep = elementwise(lambda Z: np.sin(1e3 * Z), lambda Z: 1e3 * np.cos(1e3 * Z))
    assert hg.check_pullback(steep, np.zeros(4)).method == COMPLEX


def test_gelu_is_checked_by_differences():
    assert hg.check_pullback(hg.gelu, normal(4, 3)).method == CENTRAL


def test_step_suits_large_and_small_points():
    def real_softplus(Z):
        return np.logaddexp(Z, 0.0), hg.softplus(Z)[1]

    absolute = elementwise(np.abs, np.sign)
    for Z in (np.array([1e4, -1e4, 0.5, -0.3]), 1e-9 * normal(4)):
        for op in (hg.gelu, real_softplus, absolute):
            report = hg.check_pullback(op, Z)
            assert report.ok, report
            assert report.method == CENTRAL
            assert report.error < 1e-6


def test_norm_falls_back():
    x = normal(5)
    report = hg.check_gradient(np.linalg.norm, x, lambda x: x / np.linalg.norm(x))
    assert report.ok
    assert report.method == CENTRAL
    assert 1e-13 < report.error < 1e-8


def test_complex_step_sees_ten_digits_and_differences_six():
    Z = normal(4, 3)
    slightly = elementwise(np.exp, lambda Z: np.exp(Z) * (1 + 1e-8 * np.sin(9 * Z)))
    real = elementwise(lambda Z: np.exp(Z.real), lambda Z: np.exp(Z) * (1 + 1e-8 * np.sin(9 * Z)))
    coarse = elementwise(lambda Z: np.exp(Z.real), lambda Z: np.exp(Z) * (1 + 1e-4 * np.sin(9 * Z)))
    assert not hg.check_pullback(slightly, Z).ok
    assert hg.check_pullback(real, Z).ok
    assert not hg.check_pullback(coarse, Z).ok


# ---- kinks


@pytest.mark.parametrize("op", [hg.relu, hg.leaky_relu, elementwise(np.abs, lambda Z: 2.0 * (Z > 0) - 1)])
def test_kink_at_the_point(op):
    Z = normal(4, 3)
    Z[1, 2] = 0.0
    report = hg.check_pullback(op, Z)
    assert report.verdict == "kink"
    assert "choose another point" in str(report)


RELU = lambda Z: np.maximum(Z, 0), lambda Z: 1.0 * (Z > 0)
ABS = np.abs, lambda Z: 2.0 * (Z > 0) - 1


@pytest.mark.parametrize("scale", [1e-8, 1e-12, 1e-16, 1e-40])
@pytest.mark.parametrize(("f", "derivative"), [RELU, ABS], ids=["relu", "abs"])
def test_small_kink_is_a_kink(f, derivative, scale):
    Z = normal(4, 3)
    Z[1, 2] = 0.0
    op = elementwise(lambda Z: scale * f(Z), lambda Z: scale * derivative(Z))
    assert hg.check_pullback(op, Z).verdict == "kink"
    assert hg.check_gradient(lambda Z: scale * f(Z).sum(), Z, lambda Z: scale * derivative(Z)).verdict == "kink"
    assert hg.check_gradient(lambda Z: scale * f(Z).sum(), Z, lambda Z: -scale * derivative(Z)).verdict == "sign"


def test_kink_does_not_excuse_another_mistake():
    Z = normal(4, 3)
    Z[1, 2] = 0.0
    report = hg.check_pullback(elementwise(lambda Z: np.maximum(Z, 0), lambda Z: -1.0 * (Z > 0)), Z)
    assert report.verdict == "sign"
    assert "beside a kink" in str(report)


def test_data_stays_where_it_is_beside_a_kink():
    def picked(Z, rows):
        A, relu_pullback = hg.relu(Z[rows])

        def pullback(dA):
            dZ = np.zeros(Z.shape)
            dZ[rows] = relu_pullback(dA)
            return dZ, None

        return A, pullback

    Z = normal(4, 3)
    Z[2, 1] = 0.0
    assert hg.check_pullback(picked, Z, np.array([2, 0])).verdict == "kink"


def test_kink_with_a_gradient_that_cannot_move():
    x = np.array([1.0, 0.0, -2.0])
    assert hg.check_gradient(lambda x: np.abs(x).sum(), x, np.array([1.0, 0.5, -1.0])).verdict == "kink"
    assert hg.check_gradient(lambda x: np.abs(x).sum(), x, np.array([1.0, 0.0, -1.0])).ok  # the mean of both slopes


def test_kink_near_the_point_is_no_obstacle():
    Z = np.array([1.0, 1e-7, -2.0])
    assert hg.check_pullback(hg.relu, Z).ok
    assert hg.check_pullback(elementwise(np.abs, np.sign), Z).ok


def test_jump_is_a_kink():
    x = np.array([0.0, 1.0])
    assert hg.check_gradient(lambda x: np.floor(x).sum(), x, np.zeros(2)).verdict == "kink"


# ---- precision


def test_value_in_float32_cannot_be_judged():
    report = hg.check_pullback(
        elementwise(lambda Z: np.tanh(Z).astype(np.float32), lambda Z: 1 - np.tanh(Z) ** 2), normal(3)
    )
    assert report.verdict == "precision"
    assert "value has dtype float32" in str(report)


@pytest.mark.parametrize("constant", [1e9, 1e11])
def test_constant_that_drowns_the_differences(constant):
    x = normal(3)
    report = hg.check_gradient(lambda x: constant + np.abs(x).sum(), x, np.sign(x))
    assert report.verdict == "precision"
    assert "drowns" in str(report)


def test_constant_that_does_not_drown_the_differences():
    x = normal(3)
    assert hg.check_gradient(lambda x: 1e9 + x.sum(), x, np.ones(3)).ok
    assert hg.check_gradient(lambda x: 1e6 + np.abs(x).sum(), x, -np.sign(x)).verdict == "sign"


def test_float32_gradient_with_a_mistake_is_diagnosed():
    report = hg.check_pullback(elementwise(np.tanh, lambda Z: np.tanh(Z) ** 2 - 1), normal(3))
    assert report.verdict == "sign"

    def op(Z):
        return np.tanh(Z), lambda dA: (-dA * (1 - np.tanh(Z) ** 2)).astype(np.float32)

    assert hg.check_pullback(op, normal(3)).verdict == "sign"


def test_saturated_operation_matches():
    Z = np.array([[100.0, 0.0, -30.0], [50.0, 10.0, 0.0]])
    for op in ACTIVATIONS[2:]:
        hg.check_pullback(op, Z).assert_ok()
    hg.check_pullback(hg.softmax_cross_entropy, Z, np.array([0, 0])).assert_ok()


def test_saturated_operation_that_only_differences_can_check():
    real_tanh = np.vectorize(math.tanh, otypes=[float])  # takes no complex numbers

    def op(Z):
        return real_tanh(Z), hg.tanh(Z)[1]

    assert hg.check_pullback(op, np.array([40.0, 1.0])).ok
    assert hg.check_pullback(op, np.array([40.0, 50.0])).verdict == "precision"


# ---- small gradients, and what rounding leaves of large ones


@pytest.mark.parametrize("scale", [1e-8, 1e-11, 1e-13, 1e-16, 1e-40])
@pytest.mark.parametrize("power", [lambda W: W**3, lambda W: W**2 * np.abs(W)], ids=["complex step", "difference"])
def test_a_gradient_however_small_is_told_from_a_wrong_one(scale, power):
    W = np.abs(normal(3, 4))
    verdicts = {1.0: "match", -1.0: "sign", 7.0: "scaled", 0.0: "mismatch"}
    for factor, verdict in verdicts.items():
        report = hg.check_gradient(lambda W: scale * power(W).sum(), W, factor * scale * 3 * W**2)
        assert report.verdict == verdict, report
    noise = scale * normal(3, 4, seed=1)
    assert hg.check_gradient(lambda W: scale * power(W).sum(), W, noise).verdict == "mismatch"


@pytest.mark.parametrize("scale", [1.0, 1e-16, 1e-40])
def test_the_error_is_relative_to_the_norm_however_small_that_is(scale):
    W = normal(3, 4)
    report = hg.check_gradient(lambda W: scale * (W**3).sum(), W, scale * 3 * W**2 * (1 + 1e-12))
    assert report.ok
    assert report.error == pytest.approx(1e-12, rel=1e-2)


def test_a_product_of_many_probabilities():
    Z = normal(30) - 5

    def likelihood(Z):
        return hg.sigmoid(Z)[0].prod()

    gradient = likelihood(Z) * hg.sigmoid(-Z)[0]
    assert np.linalg.norm(gradient) < 1e-60
    assert hg.check_gradient(likelihood, Z, gradient).ok
    assert hg.check_gradient(likelihood, Z, -gradient).verdict == "sign"
    assert hg.check_gradient(likelihood, Z, normal(30, seed=1) * 1e-80).verdict == "mismatch"


def test_a_small_value_is_not_blamed_on_rounding():
    Z = normal(4) - 36
    report = hg.check_pullback(elementwise(np.exp, lambda Z: -3 * np.exp(Z)), Z)
    assert report.verdict == "scaled"
    assert report.factor == pytest.approx(-3)


def test_where_no_difference_can_vouch_for_the_complex_step_a_mistake_is_not_called_a_match():
    Z = np.array([40.0, 41.0, 45.0])  # the sigmoid is 1 in floating point, its derivative 4e-18
    assert hg.check_pullback(hg.sigmoid, Z).ok
    for factor in (7.0, -1.0, 0.0, 1.02):
        wrong = elementwise(lambda Z: hg.sigmoid(Z)[0], partial(lambda factor, Z: factor * hg.sigmoid(-Z)[0], factor))
        report = hg.check_pullback(wrong, Z)
        assert report.verdict == "precision", report


def test_a_slope_of_zero_that_nothing_vouches_for():
    x = normal(3)
    report = hg.check_gradient(lambda x: 1e11 + np.abs(x).sum(), x, np.zeros(3))
    assert report.verdict == "precision"
    assert "take a constant off it" in str(report)
    assert hg.check_gradient(lambda x: 1e11 + 0 * x.sum(), x, np.ones(3) * 1e3).verdict == "mismatch"
    only_real = np.vectorize(math.fabs, otypes=[float])
    assert hg.check_gradient(lambda x: 1e13 + only_real(x).sum(), x, np.zeros(3)).verdict == "precision"
    assert hg.check_gradient(lambda x: 1e3 + 0 * only_real(x).sum(), x, np.zeros(3)).ok


def test_a_small_mask_that_was_forgotten_is_no_match():
    Z = normal(3, 4)
    assert hg.check_pullback(elementwise(lambda Z: 1e-16 * np.maximum(Z, 0), lambda Z: 1e-16 * (Z > 0)), Z).ok
    assert not hg.check_pullback(elementwise(lambda Z: 1e-16 * np.maximum(Z, 0), np.vectorize(lambda z: 1e-16)), Z).ok


def normalised(X):
    """Batch normalisation: what is added to all rows is taken off again."""
    centred = X - X.mean(axis=0)
    deviation = np.sqrt((centred**2).mean(axis=0) + 1e-5)
    H = centred / deviation
    return H, lambda dH: (dH - dH.mean(axis=0) - H * (dH * H).mean(axis=0)) / deviation


def test_a_gradient_that_is_zero_but_for_rounding():
    def shifted(X, b):
        H, pullback = normalised(X + b)

        def shifted_pullback(dH):
            dX = pullback(dH)
            return dX, dX.sum(axis=0)

        return H, shifted_pullback

    def without_the_mean(X, b):
        H, pullback = shifted(X, b)
        return H, lambda dH: (pullback(dH)[0], dH.sum(axis=0))

    X, b = normal(6, 3), normal(3, seed=1)
    assert np.abs(shifted(X, b)[1](normal(6, 3, seed=2))[1]).max() > 0
    for seed in range(20):
        hg.check_pullback(shifted, X, b, rng=seed).assert_ok()
    assert hg.check_pullback(without_the_mean, X, b).verdict == "mismatch"
    # A number that is no rounding, and too small to be told from it.
    tiny = hg.check_pullback(
        lambda X, b: (shifted(X, b)[0], lambda dH: (shifted(X, b)[1](dH)[0], 1e-18 * b * dH[0, 0])), X, b
    )
    assert tiny.verdict == "precision"


@pytest.mark.parametrize("margin", [20.0, 25.0, 30.0, 34.0, 36.5, 40.0, 100.0, 700.0])
def test_a_probability_minus_one_loses_digits_and_is_no_mistake(margin):
    Z = np.array([[margin, 0.0, -2.0], [1.0, 2.0 + margin, 0.0]])
    hg.check_pullback(hg.softmax_cross_entropy, Z, np.array([0, 1])).assert_ok()
    hg.check_pullback(hg.softmax, Z).assert_ok()


def test_a_value_that_cancels_is_no_evidence_against_its_pullback():
    """softplus(z) - z is 0 where z is 40, and sigmoid(z) - 1 is -4e-18."""

    def confident(Z):
        return (hg.softplus(Z)[0] - Z).sum(), lambda d: -d * hg.sigmoid(-Z)[0]

    for Z in (np.array([40.0, 300.0]), np.array([-1.0, 40.0]), np.array([26.5, 71.0, 32.0]), np.array([33.0])):
        assert hg.check_pullback(confident, Z).verdict in ("match", "precision")
    assert hg.check_pullback(confident, np.array([-1.0, 40.0])).ok
    assert hg.check_pullback(confident, np.array([20.0])).ok


# ---- the complex step is trusted, or not, with each entry of the value


@pytest.mark.parametrize("large", [1.0, 1e4, 1e7, 1e8])
@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "match"), (0.0, "mismatch"), (-1.0, "mismatch")])
def test_a_large_entry_of_the_value_hides_no_small_one(large, slope, verdict):
    def op(x):
        def pullback(G):
            return np.array([3 * large * x[0] ** 2 * G[0], slope * np.sign(x[1]) * G[1]])

        return np.array([large * x[0] ** 3, np.abs(x[1])]), pullback

    report = hg.check_pullback(op, np.array([0.7, -0.3]))
    assert report.verdict == verdict, report
    assert report.method == CENTRAL
    assert ("In entry (1,)" in str(report)) == (verdict != "match")


# ---- the contract


def answering(answer):
    """Return the operation a + b whose pullback is ``answer(G, count)`` in its count-th call."""

    def op(a, b):
        count = 0

        def pullback(G):
            nonlocal count
            count += 1
            return answer(G, count)

        return a + b, pullback

    return op


ANSWERS = {
    "right": (lambda G, count: (G, G), ""),
    "right, as a list with surplus": (lambda G, count: [G, G, None], ""),
    "none": (lambda G, count: (G, None), "no gradient for b"),
    "too few": (lambda G, count: (G,), "no gradient for b"),
    "too many": (lambda G, count: (G, G, G), "3 gradients for 2 primals, a, b"),
    "no numbers": (lambda G, count: (G, "G"), "b is not made of numbers"),
    "ragged": (lambda G, count: (G, [[1.0], [1.0, 2.0]]), "b is not made of numbers"),
    "numbers of one": (
        lambda G, count: G.tolist(),
        "a list is read as one gradient for each primal: return a gradient as an array",
    ),
    "other numbers when called again": (lambda G, count: (G, G * count), "second time"),
    "other shape when called again": (lambda G, count: (G, G[: 4 - count]), "second time"),
    "other shape for another G": (lambda G, count: (G, G if count < 3 else G[:1]), "not linear"),
    "other primals when called again": (lambda G, count: (G, G) if count == 1 else G, "for other primals"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_gradients_are_paired_with_primals(name):
    answer, words = ANSWERS[name]
    report = hg.check_pullback(answering(answer), normal(3), normal(3, seed=1))
    assert report.ok == (not words), report
    assert words in str(report)
    assert report.verdict == ("mismatch" if words else "match")


def test_primal_none_has_gradient_none():
    X, W = normal(5, 3), normal(4, 3)
    assert hg.check_pullback(hg.linear, X, W, None).ok
    report = hg.check_pullback(lambda X, W, b: (X @ W.T, lambda G: (G @ W, G.T @ X, G.sum(axis=0))), X, W, None)
    assert report.verdict == "mismatch"
    assert "b is None" in str(report)


def test_data_is_not_differentiated():
    rows = np.array([2, 0, 0])

    def lookup(rows, W):
        def pullback(G):
            dW = np.zeros(W.shape)
            np.add.at(dW, rows, G)
            return None, dW

        return W[rows], pullback

    report = hg.check_pullback(lookup, rows, normal(4, 3))
    assert report.ok
    assert str(report).startswith("match: the gradient for W agrees with the complex step, error ")


def test_callers_arrays_survive_an_operation_that_overwrites_them():
    Z = normal(4)
    before = Z.copy()

    def op(Z):
        Z *= 2
        return Z, lambda G: 2 * G

    assert "changes Z in place" in str(hg.check_pullback(op, Z))
    np.testing.assert_array_equal(Z, before)

    def gradient(x):
        x[:] = 0
        return x

    assert "changes x in place" in str(hg.check_gradient(lambda x: (x**2).sum(), Z, gradient))
    np.testing.assert_array_equal(Z, before)


def test_same_seed_same_report():
    X, W = normal(5, 3), normal(4, 3)
    reports = [hg.check_pullback(hg.linear, X, W, rng=rng) for rng in (7, 7, np.random.default_rng(7), 8)]
    assert reports[0] == reports[1] == reports[2] != reports[3]
    assert pickle.loads(pickle.dumps(reports[0])) == reports[0]  # noqa: S301 - pickled on this line


class Builtin:
    """An operation in compiled code, of which Python does not know the signature."""

    @property
    def __signature__(self):
        raise ValueError("no signature found for builtin")

    def __call__(self, a):
        return a, lambda G: 2 * G


def test_the_array_of_a_scalar_function_is_called_by_its_name():
    def sum_of(*arrays):
        return arrays[0].sum()

    assert "the gradient for W is" in str(hg.check_gradient(lambda W: W.sum(), normal(3), 2 * np.ones(3)))
    assert "the gradient for W agrees" in str(hg.check_gradient(lambda W: W.sum(), normal(3), np.ones(3)))
    assert "the gradient for x is" in str(hg.check_gradient(sum_of, normal(3), 2 * np.ones(3)))


def test_primals_are_called_by_their_names():
    assert "for primal 0 is" in str(hg.check_pullback(lambda *arrays: (arrays[0], lambda G: 2 * G), normal(3)))
    assert "for a is" in str(hg.check_pullback(lambda a: (a, lambda G: 2 * G), normal(3)))

    assert "for primal 0 is" in str(hg.check_pullback(Builtin(), normal(3)))

    def scale_all(*arrays, scale=2.0, **options):
        return scale * arrays[0], lambda G: 3 * G

    assert "for primal 0 is 1.5 times" in str(hg.check_pullback(scale_all, normal(3)))

    def product(a, b):
        return a * b, lambda G: -G * b

    assert "for a has" in str(hg.check_pullback(partial(product, b=2.0), normal(3)))
    swapped = partial(lambda b, a: product(a, b), 2.0)
    assert "for a has" in str(hg.check_pullback(swapped, normal(3)))

    def tagged(a, /, *more, tag):
        return a * more[0], lambda G: (G * more[0], -G * a)

    assert "for primal 1 has" in str(hg.check_pullback(partial(tagged, tag="t"), normal(3), normal(3, seed=1)))


def test_one_primal_is_one_primal():
    report = hg.check_pullback(lambda X: (2 * X, lambda G: (G, G)), normal(3))
    assert str(report) == "mismatch: the pullback returned 2 gradients for 1 primal, X"


# ---- bad calls


def identity(X):
    return 1.0 * X, lambda G: G


BAD_CALLS = {
    "integer primal": (TypeError, "X has dtype int64; it must be float64", identity, np.arange(3)),
    "float32 primal": (TypeError, "float32 keeps too few digits", identity, np.ones(3, np.float32)),
    "primal of another type": (TypeError, "X is of type str", lambda X: (np.ones(3), lambda G: G), "X"),
    "only data": (ValueError, "nothing to check", lambda X: (np.ones(3), lambda G: None), None),
    "no pair": (TypeError, "returned ndarray; it must return a pair", np.exp, np.ones(3)),
    "no pullback": (TypeError, "it must return a pair", lambda X: (X, X), np.ones(3)),
}


@pytest.mark.parametrize("kind", [tuple, list])
def test_primals_in_one_tuple_are_to_be_passed_one_by_one(kind):
    primals = kind([np.ones((5, 3)), np.ones((4, 3)), np.ones(4)])
    told = rf"^check_pullback: the only primal is a {kind.__name__}; .* one by one: check_pullback\(op, \*primals\)$"
    with pytest.raises(TypeError, match=told):
        hg.check_pullback(hg.linear, primals)
    assert hg.check_pullback(hg.linear, *primals).ok


def test_arguments_of_another_kind_are_named():
    x = np.ones(3)
    with pytest.raises(TypeError, match=r"^check_pullback: op is of type ndarray; it must be a function$"):
        hg.check_pullback(x, x)
    with pytest.raises(TypeError, match=r"^check_gradient: f is of type float; it must be a function$"):
        hg.check_gradient(1.0, x, x)
    with pytest.raises(
        TypeError, match=r"^check_pullback: rng is 'seven'; it must be a numpy.random.Generator or a seed"
    ):
        hg.check_pullback(hg.relu, x, rng="seven")
    with pytest.raises(ValueError, match=r"^check_gradient: rng is -1; it must be"):
        hg.check_gradient(np.sum, x, x, rng=-1)


@pytest.mark.parametrize("gradient", [None, "abc", [[1.0], [1.0, 2.0]], np.array([None] * 3), [1, "2", 3]], ids=repr)
def test_a_gradient_that_is_not_made_of_numbers(gradient):
    x = np.ones(3)
    with pytest.raises(
        TypeError, match=r"^check_gradient: gradient is .*; it must be an array of numbers, in the shape of x$"
    ):
        hg.check_gradient(np.sum, x, gradient)
    with pytest.raises(TypeError, match=r"^check_gradient: gradient\(x\) is .*; it must be an array of numbers"):
        hg.check_gradient(np.sum, x, lambda x: gradient)
    assert hg.check_gradient(np.sum, x, [1.0, 1.0, 1.0]).ok


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_of_check_pullback(name):
    error, words, op, X = BAD_CALLS[name]
    with pytest.raises(error, match=r"^check_pullback: ") as caught:
        hg.check_pullback(op, X)
    assert words in str(caught.value)


BAD_POINTS = {
    "integers": (TypeError, "x has dtype int64; it must be float64", np.sum, np.arange(3)),
    "float32": (TypeError, "float32 keeps too few digits", np.sum, np.ones(3, np.float32)),
    "complex": (TypeError, "x has dtype complex128", np.sum, np.ones(3, complex)),
    "list": (TypeError, "x is of type list", np.sum, [1.0]),
    "int": (TypeError, "x is of type int", np.sum, 1),
    "nan": (ValueError, "x holds nan", np.sum, np.array([np.nan])),
    "no scalar": (ValueError, "f(x) has shape (3,); it must be a scalar", np.exp, np.ones(3)),
    "infinite value": (ValueError, "the value holds nan or infinity", lambda x: np.inf, np.ones(3)),
    "integer value": (TypeError, "the value has dtype int64", lambda x: 3, np.ones(3)),
    "complex value": (TypeError, "the value has dtype complex128", lambda x: 3j, np.ones(3)),
}


@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_calls_of_check_gradient(name):
    error, words, f, x = BAD_POINTS[name]
    with pytest.raises(error, match=r"^check_gradient: ") as caught:
        hg.check_gradient(f, x, np.ones(3))
    assert words in str(caught.value)
