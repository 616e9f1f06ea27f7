"""Every operation: its value, its pullback, what it refuses, and what it never does."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import special

import handgrad as hg

# A law is tried on the same examples in every run, however slow the machine.
LAW = settings(deadline=None, derandomize=True)

ELEMENTWISE = [hg.relu, hg.leaky_relu, hg.sigmoid, hg.tanh, hg.gelu, hg.softplus]
ROWWISE = [hg.softmax, hg.log_softmax]
LOSSES = [hg.mean_squared_error, hg.softmax_cross_entropy, hg.sigmoid_cross_entropy]


def name(operation):
    return operation.__name__


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def example(loss, n=4, k=3, dtype=np.float64):
    """Predictions and targets that the loss accepts."""
    rng = np.random.default_rng(7)
    Z = rng.standard_normal((n, k)).astype(dtype)
    T = {
        "mean_squared_error": rng.standard_normal((n, k)),
        "softmax_cross_entropy": rng.integers(0, k, n),
        "sigmoid_cross_entropy": rng.random((n, k)),
    }[name(loss)]
    return Z, T


# -- The values, against SciPy and against their definitions ----------------------------------


@pytest.mark.parametrize(
    ("operation", "oracle"),
    [
        (hg.relu, lambda Z: np.where(Z > 0, Z, 0)),
        (hg.leaky_relu, lambda Z: np.where(Z > 0, Z, 0.01 * Z)),
        (hg.sigmoid, special.expit),
        (hg.tanh, np.tanh),
        (hg.gelu, lambda Z: Z * special.ndtr(Z)),
        (hg.softplus, lambda Z: np.logaddexp(0, Z)),
        (hg.softmax, lambda Z: special.softmax(Z, axis=-1)),
        (hg.log_softmax, lambda Z: special.log_softmax(Z, axis=-1)),
    ],
    ids=lambda f: f.__name__,
)
def test_value_agrees_with_an_independent_one(operation, oracle):
    Z = 4 * normal(5, 7)
    np.testing.assert_allclose(operation(Z)[0], oracle(Z), rtol=1e-14, atol=1e-15)


def test_linear_is_its_index_notation():
    X, W, b, dY = normal(5, 3), normal(4, 3, seed=1), normal(4, seed=2), normal(5, 4, seed=3)
    Y, linear_pullback = hg.linear(X, W, b)
    dX, dW, db = linear_pullback(dY)
    np.testing.assert_allclose(Y, np.einsum("ni,oi->no", X, W) + b, rtol=1e-13)
    np.testing.assert_allclose(dX, np.einsum("no,oi->ni", dY, W), rtol=1e-13)
    np.testing.assert_allclose(dW, np.einsum("no,ni->oi", dY, X), rtol=1e-13)
    np.testing.assert_allclose(db, np.einsum("no->o", dY), rtol=1e-13)


def test_linear_without_bias_or_without_input_gradient():
    X, W = normal(5, 3), normal(4, 3, seed=1)
    Y, linear_pullback = hg.linear(X, W)
    np.testing.assert_array_equal(Y, hg.linear(X, W, np.zeros(4))[0])
    dX, dW, db = linear_pullback(Y)
    assert db is None
    nothing, same_dW, _ = linear_pullback(Y, input_gradient=False)
    assert nothing is None
    np.testing.assert_array_equal(dW, same_dW)
    assert dX.shape == X.shape


def test_losses_are_their_definitions():
    Y, T = normal(4, 3), normal(4, 3, seed=1)
    assert hg.mean_squared_error(Y, T)[0] == pytest.approx(np.mean((Y - T) ** 2), rel=1e-14)
    P = special.softmax(T, axis=1)
    crossed = -np.sum(P * special.log_softmax(Y, axis=1))
    assert hg.softmax_cross_entropy(Y, P)[0] == pytest.approx(crossed / 4, rel=1e-14)
    Q = special.expit(T)
    crossed = -np.sum(Q * special.log_expit(Y) + (1 - Q) * special.log_expit(-Y))
    assert hg.sigmoid_cross_entropy(Y, Q)[0] == pytest.approx(crossed / 4, rel=1e-14)


def test_class_indices_and_one_hot_rows_are_the_same_targets():
    Z, T = example(hg.softmax_cross_entropy)
    loss, pullback = hg.softmax_cross_entropy(Z, T)
    for one_hot in (np.eye(3)[T], np.eye(3, dtype=int)[T]):
        other_loss, other_pullback = hg.softmax_cross_entropy(Z, one_hot)
        assert other_loss == pytest.approx(loss, rel=1e-15)
        np.testing.assert_allclose(other_pullback(), pullback(), atol=1e-16)


@pytest.mark.parametrize("loss", LOSSES, ids=name)
def test_sum_is_the_mean_times_its_count(loss):
    Z, T = example(loss)
    count = Z.size if loss is hg.mean_squared_error else len(Z)
    mean, mean_pullback = loss(Z, T)
    total, total_pullback = loss(Z, T, reduction="sum")
    assert total == pytest.approx(count * mean, rel=1e-14)
    np.testing.assert_allclose(total_pullback(), count * mean_pullback(), rtol=1e-13)
    np.testing.assert_allclose(mean_pullback(-3.0), -3 * mean_pullback(), rtol=1e-14)


# -- The gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ELEMENTWISE + ROWWISE, ids=name)
@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (4, 1), (6,), (2, 3, 4), (3, 3)], ids=str)
def test_pullback_of_an_activation(operation, shape):
    hg.check_pullback(operation, normal(*shape)).assert_ok()


@pytest.mark.parametrize("shapes", [(5, 3, 4), (1, 3, 4), (5, 1, 4), (5, 3, 1), (3, 3, 3)], ids=str)
def test_pullback_of_linear(shapes):
    n, i, o = shapes
    hg.check_pullback(hg.linear, normal(n, i), normal(o, i), normal(o)).assert_ok()
    hg.check_pullback(hg.linear, normal(n, i), normal(o, i)).assert_ok()


@pytest.mark.parametrize("loss", LOSSES, ids=name)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_pullback_of_a_loss(loss, reduction):
    Z, T = example(loss)
    hg.check_pullback(lambda Z: loss(Z, T, reduction=reduction), Z).assert_ok()


def test_pullback_of_cross_entropy_with_probability_rows():
    T = special.softmax(normal(4, 3, seed=1), axis=1)
    hg.check_pullback(lambda Z: hg.softmax_cross_entropy(Z, T), normal(4, 3)).assert_ok()


@LAW
@given(
    st.sampled_from(ELEMENTWISE + ROWWISE),
    array_shapes(min_dims=1, max_dims=3, max_side=5),
    st.integers(0, 2**32 - 1),
    st.floats(-5, 5),
)
def test_pullbacks_are_linear(operation, shape, seed, factor):
    rng = np.random.default_rng(seed)
    Z, F, G = rng.standard_normal((3, *shape))
    _, pullback = operation(Z)
    np.testing.assert_allclose(pullback(F + factor * G), pullback(F) + factor * pullback(G), rtol=1e-12, atol=1e-12)


@LAW
@given(st.tuples(*[st.integers(0, 5)] * 3), st.integers(0, 2**32 - 1))
def test_adjoint_identity_of_linear(sizes, seed):
    """<dY, V W^T> = <dX, V> and <dY, X V^T> = <dW, V>, at every size, zero included."""
    n, i, o = sizes
    rng = np.random.default_rng(seed)
    X, W, dY = (rng.standard_normal(shape) for shape in [(n, i), (o, i), (n, o)])
    dX, dW, _ = hg.linear(X, W)[1](dY)
    U, V = rng.standard_normal(X.shape), rng.standard_normal(W.shape)
    assert np.vdot(dY, U @ W.T) == pytest.approx(np.vdot(dX, U), abs=1e-10)
    assert np.vdot(dY, X @ V.T) == pytest.approx(np.vdot(dW, V), abs=1e-10)


# -- The tails, and other places where formulas break -------------------------------------------


@pytest.mark.parametrize(
    ("operation", "Z", "value", "derivative"),
    [
        (hg.relu, [-1e4, 0.0, 1e4], [0.0, 0.0, 1e4], [0.0, 0.0, 1.0]),
        (hg.leaky_relu, [-1e4, 0.0, 1e4], [-100.0, 0.0, 1e4], [0.01, 0.01, 1.0]),
        (hg.sigmoid, [-1e4, -40.0, 1e4], [0.0, 4.248354255291589e-18, 1.0], [0, 4.248354255291589e-18, 0]),
        (hg.sigmoid, [40.0], [1.0], [4.248354255291589e-18]),
        (hg.tanh, [-1e4, 40.0], [-1.0, 1.0], [0.0, 7.219405551381661e-35]),
        (hg.gelu, [-1e4, 1e4], [0.0, 1e4], [0.0, 1.0]),
        (hg.softplus, [-1e4, -40.0, 1e4], [0.0, 4.248354255291589e-18, 1e4], [0, 4.248354255291589e-18, 1]),
        (hg.relu, [5e-324, -5e-324], [5e-324, 0.0], [1.0, 0.0]),
        (hg.sigmoid, [5e-324], [0.5], [0.25]),
        (hg.tanh, [5e-324], [5e-324], [1.0]),
        (hg.softplus, [5e-324], [np.log(2)], [0.5]),
    ],
)  # fmt: skip
def test_extremes(operation, Z, value, derivative):
    with warnings.catch_warnings(action="error"):
        A, pullback = operation(np.array(Z))
        dZ = pullback(np.ones(len(Z)))
    np.testing.assert_allclose(A, value, rtol=1e-14, atol=0)
    np.testing.assert_allclose(dZ, derivative, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits(dtype):
    Z = np.array([[1e4, 0.0, -1e4]], dtype)
    with warnings.catch_warnings(action="error"):
        np.testing.assert_array_equal(hg.softmax(Z)[0], [[1, 0, 0]])
        np.testing.assert_array_equal(hg.log_softmax(Z)[0], [[0, -1e4, -2e4]])
        loss, pullback = hg.softmax_cross_entropy(Z, np.array([2]))
        assert loss == 20000  # a clipped probability would say 36
        np.testing.assert_array_equal(pullback(), [[1, 0, -1]])
        loss, pullback = hg.sigmoid_cross_entropy(Z, np.array([[0.0, 1.0, 1.0]]))
        assert loss == pytest.approx(20000 + np.log(2))
        np.testing.assert_array_equal(pullback(), [[1, -0.5, -1]])


@pytest.mark.parametrize(("z", "t"), [(40.0, 1.0), (-40.0, 0.0)])
def test_confident_and_right_keeps_its_digits(z, t):
    """sigmoid(z) - 1 would be 0 here, and so would softplus(z) - z."""
    loss, pullback = hg.sigmoid_cross_entropy(np.array([z]), np.array([t]))
    np.testing.assert_allclose(loss, 4.248354255291589e-18, rtol=1e-14)
    np.testing.assert_allclose(pullback(), [4.248354255291589e-18 * (1 - 2 * t)], rtol=1e-14)


def test_a_class_masked_by_minus_infinity():
    """0 times the logarithm of a probability 0 is 0: indices and rows agree, and nothing warns."""
    Z, T = np.array([[1.0, -np.inf, 2.0], [0.5, 1.0, -1.0]]), np.array([0, 2])
    without = np.array([[1.0, 2.0]])
    with warnings.catch_warnings(action="error"):
        loss, pullback = hg.softmax_cross_entropy(Z, T)
        by_rows, pullback_by_rows = hg.softmax_cross_entropy(Z, np.eye(3)[T])
        assert (
            by_rows
            == loss
            == pytest.approx(
                np.mean([hg.softmax_cross_entropy(without, [0])[0], hg.softmax_cross_entropy(Z[1:], [2])[0]])
            )
        )
        np.testing.assert_array_equal(pullback_by_rows(), pullback())
        assert pullback()[0, 1] == 0
        np.testing.assert_allclose(pullback()[:1, ::2], hg.softmax_cross_entropy(without, [0])[1]() / 2, rtol=1e-14)
        assert hg.softmax_cross_entropy(Z, np.array([1, 2]))[0] == np.inf  # a masked class that is asked for
        assert hg.softmax_cross_entropy(Z, np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))[0] == np.inf


def test_gelu_at_infinity_has_its_limits():
    with warnings.catch_warnings(action="error"):
        A, pullback = hg.gelu(np.array([-np.inf, np.inf, -1e4]))
        np.testing.assert_array_equal(A, [0.0, np.inf, 0.0])
        np.testing.assert_array_equal(pullback(np.ones(3)), [0.0, 1.0, 0.0])


def test_nan_stays_nan():
    Z = np.array([np.nan, 1.0])
    for operation in ELEMENTWISE:
        A, pullback = operation(Z)
        assert np.isnan(A[0])
        assert not np.isnan(A[1])
        assert not np.isnan(pullback(np.ones(2))[1])


@pytest.mark.parametrize("operation", ELEMENTWISE + ROWWISE, ids=name)
def test_empty_batch(operation):
    with warnings.catch_warnings(action="error"):
        A, pullback = operation(np.empty((0, 3)))
        assert A.shape == pullback(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("loss", LOSSES, ids=name)
def test_loss_of_an_empty_batch(loss):
    Z, T = example(loss)
    with warnings.catch_warnings(action="error"):
        total, total_pullback = loss(Z[:0], T[:0], reduction="sum")
        mean, mean_pullback = loss(Z[:0], T[:0])
        assert total == 0
        assert np.isnan(mean)
        assert total_pullback().shape == mean_pullback().shape == (0, 3)


def test_linear_with_an_empty_batch_sums_to_zero():
    dX, dW, db = hg.linear(np.empty((0, 3)), normal(4, 3), normal(4))[1](np.empty((0, 4)))
    assert dX.shape == (0, 3)
    np.testing.assert_array_equal(dW, np.zeros((4, 3)))
    np.testing.assert_array_equal(db, np.zeros(4))


@pytest.mark.parametrize("operation", ELEMENTWISE + ROWWISE, ids=name)
def test_a_view_gives_what_its_copy_gives(operation):
    Z, dA = normal(6, 8)[::2, ::-2], normal(4, 3, seed=1).T
    A, pullback = operation(Z)
    B, copy_pullback = operation(Z.copy())
    np.testing.assert_array_equal(A, B)
    np.testing.assert_array_equal(pullback(dA), copy_pullback(dA.copy()))


@pytest.mark.parametrize("operation", ELEMENTWISE + ROWWISE, ids=name)
def test_float32_stays_float32(operation):
    Z = normal(3, 5).astype(np.float32)
    A, pullback = operation(Z)
    dZ = pullback(normal(3, 5, seed=1))  # a float64 upstream gradient does not widen it
    assert A.dtype == dZ.dtype == np.float32
    exact, exact_pullback = operation(Z.astype(float))
    np.testing.assert_allclose(A, exact, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dZ, exact_pullback(normal(3, 5, seed=1)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=name)
def test_losses_and_linear_keep_float32(loss):
    Z, T = example(loss, dtype=np.float32)
    value, pullback = loss(Z, T)
    assert value.dtype == pullback().dtype == np.float32
    X, W, b = (a.astype(np.float32) for a in (normal(5, 3), normal(4, 3), normal(4)))
    Y, linear_pullback = hg.linear(X, W, b)
    assert {a.dtype for a in (Y, *linear_pullback(normal(5, 4)))} == {np.dtype(np.float32)}


# -- Purity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ELEMENTWISE + ROWWISE, ids=name)
@LAW
@given(data=st.data())
def test_no_callers_array_changes(operation, data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, max_side=4))
    floats = arrays(float, shape, elements=st.floats(-100, 100))
    Z, dA = data.draw(floats), data.draw(floats)
    Z.flags.writeable = dA.flags.writeable = False
    _, pullback = operation(Z)
    np.testing.assert_array_equal(pullback(dA), pullback(dA))


def test_linear_and_losses_are_pure():
    primals = normal(5, 3), normal(4, 3), normal(4)
    dY = normal(5, 4)
    for array in (*primals, dY):
        array.flags.writeable = False
    _, linear_pullback = hg.linear(*primals)
    for first, second in zip(linear_pullback(dY), linear_pullback(dY), strict=True):
        np.testing.assert_array_equal(first, second)
    for loss in LOSSES:
        Z, T = example(loss)
        Z.flags.writeable = T.flags.writeable = False
        _, pullback = loss(Z, T)
        np.testing.assert_array_equal(pullback(), pullback())


def test_the_value_does_not_share_memory_with_the_primal():
    for operation in ELEMENTWISE + ROWWISE:
        Z = np.abs(normal(3, 4)) + 1
        A, pullback = operation(Z)
        dA = np.ones_like(A)
        assert not np.shares_memory(A, Z)
        assert not np.shares_memory(pullback(dA), dA)


# -- What is refused, and in which words ----------------------------------------------------------

X, W, b = np.ones((64, 3)), np.ones((256, 784)), np.ones(256)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: hg.linear(X, W), ValueError, r"linear: X has 3 features \(shape \(64, 3\)\), W \(out, in\) = \(256, 784\) needs 784"),
        (lambda: hg.linear(X[0], W), ValueError, r"X has shape \(3,\); it needs two axes, \(samples, in\)"),
        (lambda: hg.linear(X, W[0]), ValueError, r"W has shape \(784,\); it needs two axes, \(out, in\)"),
        (lambda: hg.linear(W, W, b[:, None]), ValueError, r"b has shape \(256, 1\), W \(out, in\) = \(256, 784\) needs \(256,\)"),
        (lambda: hg.linear(W, W, b[:1]), ValueError, r"b has shape \(1,\)"),
        (lambda: hg.linear(X.astype(int), W), TypeError, r"linear: X has dtype int64; a gradient needs floating point"),
        (lambda: hg.linear(W, W, b.astype(int)), TypeError, r"linear: b has dtype int64"),
        (lambda: hg.linear(X, X)[1](X), ValueError, r"linear_pullback: dY has shape \(64, 3\), the value .* has shape \(64, 64\)"),
        (lambda: hg.relu([1, 2]), TypeError, r"relu: Z has dtype int64; .* for example np.asarray\(Z, float\)$"),
        (lambda: hg.relu("abc"), TypeError, r"relu: Z has dtype <U3; it must be numbers, in floating point$"),
        (lambda: hg.relu(None), TypeError, r"relu: Z has dtype object; it must be numbers"),
        (lambda: hg.relu(X)[1](X[0]), ValueError, r"relu_pullback: dA has shape \(3,\), the value .* \(64, 3\)"),
        (lambda: hg.relu(X)[1](X * 1j), TypeError, r"relu_pullback: dA has dtype complex128, the value .* float64"),
        (lambda: hg.gelu(X * 1j), TypeError, r"gelu: Z has dtype complex128; the error function takes real numbers only"),
        (lambda: hg.softmax(np.ones((4, 0))), ValueError, r"softmax: Z has shape \(4, 0\); its last axis needs at least one class"),
        (lambda: hg.log_softmax(1.0), ValueError, r"log_softmax: Z has shape \(\)"),
        (lambda: hg.mean_squared_error(X[:, :1], X[:, 0]), ValueError, r"mean_squared_error: T has shape \(64,\), Y has shape \(64, 1\); .* nothing is broadcast"),
        (lambda: hg.mean_squared_error(X, X, reduction="none"), ValueError, r"reduction is 'none'; it must be \"mean\" or \"sum\""),
        (lambda: hg.mean_squared_error(X, X)[1](np.ones(2)), ValueError, r"upstream has shape \(2,\)"),
        (lambda: hg.softmax_cross_entropy(X[0], [0]), ValueError, r"Z has shape \(3,\); it needs two axes"),
        (lambda: hg.softmax_cross_entropy(X, np.zeros(64)), TypeError, r"T has one axis and dtype float64; class indices are integers"),
        (lambda: hg.softmax_cross_entropy(X, np.zeros(63, int)), ValueError, r"T has 63 class indices, Z has 64 rows"),
        (lambda: hg.softmax_cross_entropy(X, np.full(64, 3)), ValueError, r"class indices go from 0 to 2"),
        (lambda: hg.softmax_cross_entropy(X, np.full(64, -1)), ValueError, r"T reaches from -1 to -1"),
        (lambda: hg.softmax_cross_entropy(X, X), ValueError, r"each row of T must be probabilities that sum to 1; .* to 3.0"),
        (lambda: hg.softmax_cross_entropy(X, np.tile([2.0, -1.0, 0.0], (64, 1))), ValueError, r"the smallest entry is -1.0"),
        (lambda: hg.softmax_cross_entropy(X, X[:, :2]), ValueError, r"T has shape \(64, 2\), Z has shape \(64, 3\)"),
        (lambda: hg.sigmoid_cross_entropy(X, 2 * X), ValueError, r"T reaches from 2.0 to 2.0; targets are probabilities"),
        (lambda: hg.softmax_cross_entropy(X, np.zeros((64, 1), int)), ValueError, r"T has shape \(64, 1\), Z has shape \(64, 3\); T is either class indices, shape \(64,\), or rows of probabilities, shape \(64, 3\)"),
        (lambda: hg.softmax_cross_entropy(X, 0), ValueError, r"T has shape \(\), Z has shape \(64, 3\); T is either class indices"),
        (lambda: hg.softmax_cross_entropy(X, X.astype(complex) / 3), TypeError, r"softmax_cross_entropy: T has dtype complex128; targets are real numbers"),
        (lambda: hg.mean_squared_error(X[0, :2], np.array(["1", "2"])), TypeError, r"mean_squared_error: T has dtype <U1; targets are real numbers"),
        (lambda: hg.mean_squared_error(X[0, :2], [None, None]), TypeError, r"T has dtype object; targets are real numbers"),
        (lambda: hg.mean_squared_error(X[0, :2], np.array([1, 2], "M8[s]")), TypeError, r"T has dtype datetime64\[s\]; targets"),
        (lambda: hg.mean_squared_error(X, X * 1j), TypeError, r"T has dtype complex128; targets are real numbers"),
        (lambda: hg.sigmoid_cross_entropy(X, X * 1j), TypeError, r"sigmoid_cross_entropy: T has dtype complex128"),
        (lambda: hg.leaky_relu(X, None), TypeError, r"leaky_relu: slope is None; it must be a number"),
        (lambda: hg.leaky_relu(X[0], np.ones((4, 3))), TypeError, r"(?s)leaky_relu: slope is array.* it must be a number"),
        (lambda: hg.leaky_relu(X, np.nan), ValueError, r"leaky_relu: slope is nan; it must be finite"),
        (lambda: hg.sigmoid_cross_entropy(1.0, 1.0), ValueError, r"Z has shape \(\)"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
