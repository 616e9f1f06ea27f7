"""The layers: operations with a memory."""

import numpy as np
import pytest

import handgrad as hg


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(
    ("layer", "operation"),
    [
        (hg.ReLU(), hg.relu),
        (hg.LeakyReLU(0.3), lambda Z: hg.leaky_relu(Z, 0.3)),
        (hg.Sigmoid(), hg.sigmoid),
        (hg.Tanh(), hg.tanh),
        (hg.GELU(), hg.gelu),
        (hg.Softplus(), hg.softplus),
        (hg.Softmax(), hg.softmax),
        (hg.LogSoftmax(), hg.log_softmax),
    ],
    ids=lambda x: type(x).__name__,
)
def test_an_activation_layer_is_its_operation(layer, operation):
    Z, dA = normal(5, 3), normal(5, 3, seed=1)
    A, pullback = operation(Z)
    np.testing.assert_array_equal(layer.forward(Z), A)
    np.testing.assert_array_equal(layer.backward(dA), pullback(dA))
    assert layer.backward(dA, input_gradient=False) is None
    assert layer.params == layer.grads == {}


def test_a_linear_layer_is_its_operation():
    layer = hg.Linear(3, 4, rng=0)
    X, dY = normal(5, 3), normal(5, 4, seed=1)
    Y, pullback = hg.linear(X, layer.params["weight"], layer.params["bias"])
    np.testing.assert_array_equal(layer.forward(X), Y)
    np.testing.assert_array_equal(layer.backward(dY), pullback(dY)[0])
    np.testing.assert_array_equal(layer.grads["weight"], pullback(dY)[1])
    np.testing.assert_array_equal(layer.grads["bias"], pullback(dY)[2])
    assert layer.params["weight"].shape == (4, 3)
    assert layer.params["bias"].shape == (4,)


def test_a_linear_layer_without_bias():
    layer = hg.Linear(3, 4, bias=False, rng=0)
    layer.forward(normal(5, 3))
    layer.backward(normal(5, 4))
    assert layer.params.keys() == layer.grads.keys() == {"weight"}


def test_first_parameters():
    """Within 1 / sqrt(in) of zero, the same for the same seed, different for another."""
    W, again, other = (hg.Linear(16, 50, rng=seed).params["weight"] for seed in (3, 3, 4))
    assert 0.2 < np.abs(W).max() <= 0.25
    np.testing.assert_array_equal(W, again)
    assert not np.array_equal(W, other)
    assert hg.Linear(3, 2, rng=np.random.default_rng(0), dtype=np.float32).params["bias"].dtype == np.float32


def test_sequential_is_composition():
    first, relu, second = hg.Linear(3, 6, rng=0), hg.ReLU(), hg.Linear(6, 2, rng=1)
    net = hg.Sequential(first, hg.Sequential(relu, second))
    X, dY = normal(5, 3), normal(5, 2, seed=1)
    Y = second.forward(relu.forward(first.forward(X)))
    np.testing.assert_array_equal(net.forward(X), Y)
    dX = first.backward(relu.backward(second.backward(dY)))
    np.testing.assert_array_equal(net.backward(dY), dX)
    assert list(net.params) == list(net.grads) == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    assert net.params["1.1.weight"] is second.params["weight"]


@pytest.mark.parametrize("activation", [hg.ReLU, hg.Tanh, hg.GELU, hg.Softplus])
def test_every_gradient_of_a_network(activation):
    net = hg.Sequential(hg.Linear(4, 6, rng=0), activation(), hg.Linear(6, 3, rng=1))
    X, T = normal(5, 4), np.array([0, 2, 1, 1, 0])
    _, loss_pullback = hg.softmax_cross_entropy(net.forward(X), T)
    dX = net.backward(loss_pullback())

    def loss_at(layer, name):
        def loss(P):
            saved = layer.params[name]
            layer.params[name] = P
            try:
                return hg.softmax_cross_entropy(net.forward(X), T)[0]
            finally:
                layer.params[name] = saved

        return loss

    gradients = [(layer, name, layer.grads[name]) for layer in net.layers for name in layer.params]
    assert len(gradients) == 4
    for layer, name, gradient in gradients:
        hg.check_gradient(loss_at(layer, name), layer.params[name], gradient).assert_ok()
    hg.check_gradient(lambda X: hg.softmax_cross_entropy(net.forward(X), T)[0], X, dX).assert_ok()


def test_input_gradient_false_leaves_only_the_first_product_out():
    net = hg.Sequential(hg.Linear(3, 4, rng=0), hg.Tanh(), hg.Linear(4, 2, rng=1))
    X, dY = normal(5, 3), normal(5, 2, seed=1)
    net.forward(X)
    net.backward(dY)
    with_input = net.grads
    assert net.backward(dY, input_gradient=False) is None
    for name, gradient in net.grads.items():
        np.testing.assert_array_equal(gradient, with_input[name])


def test_sgd_steps_against_the_gradient():
    layer = hg.Linear(3, 2, rng=0)
    before = {name: P.copy() for name, P in layer.params.items()}
    layer.forward(normal(5, 3))
    layer.backward(normal(5, 2))
    hg.SGD(layer, 0.1).step()
    for name, P in layer.params.items():
        np.testing.assert_allclose(P, before[name] - 0.1 * layer.grads[name], rtol=1e-15)
        assert not np.array_equal(P, before[name])


def test_the_learning_rate_may_enter_at_the_loss():
    X, T = normal(5, 3), normal(5, 2, seed=1)
    stepped = []
    for upstream, lr in ((1.0, 0.1), (0.1, 1)):
        layer = hg.Linear(3, 2, rng=0)
        _, loss_pullback = hg.mean_squared_error(layer.forward(X), T)
        layer.backward(loss_pullback(upstream))
        hg.SGD(layer, lr).step()
        stepped.append(layer.params)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(stepped[0][name], stepped[1][name], rtol=1e-14)


def test_sgd_learns_a_linear_map():
    truth, X = normal(2, 3), normal(40, 3, seed=1)
    layer = hg.Linear(3, 2, rng=0)
    optimiser = hg.SGD(layer, lr=0.5)
    for _ in range(200):
        _, loss_pullback = hg.mean_squared_error(layer.forward(X), X @ truth.T)
        layer.backward(loss_pullback(), input_gradient=False)
        optimiser.step()
    np.testing.assert_allclose(layer.params["weight"], truth, atol=1e-8)
    np.testing.assert_allclose(layer.params["bias"], 0, atol=1e-8)


def test_a_failed_backward_leaves_no_stale_gradients():
    layer = hg.Linear(3, 2, rng=0)
    layer.forward(normal(5, 3))
    layer.backward(normal(5, 2))
    with pytest.raises(ValueError, match="dY has shape"):
        layer.backward(normal(5, 3))
    with pytest.raises(RuntimeError, match="call backward first"):
        hg.SGD(layer, 0.1).step()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: hg.Linear(3, 2).backward(normal(5, 2)), RuntimeError, r"Linear.backward: .* call forward first"),
        (lambda: hg.ReLU().backward(normal(5, 2)), RuntimeError, r"ReLU.backward: .* call forward first"),
        (lambda: hg.SGD(hg.Linear(3, 2), 0.1).step(), RuntimeError, r"SGD.step: .* call backward first"),
        (lambda: hg.SGD(hg.Linear(3, 2), 0), ValueError, r"SGD: lr is 0; it must be positive"),
        (lambda: hg.SGD(hg.Linear(3, 2), float("nan")), ValueError, r"lr is nan"),
        (lambda: hg.Linear(0, 2), ValueError, r"Linear: in_features is 0; it must be at least 1"),
        (lambda: hg.Linear(2, -1), ValueError, r"Linear: out_features is -1"),
        (hg.Sequential, ValueError, r"Sequential: got no layers; it needs at least one"),
        (lambda: hg.Linear("2", 3), TypeError, r"Linear: in_features is '2'; it must be an integer"),
        (lambda: hg.Linear(None, 3), TypeError, r"Linear: in_features is None; it must be an integer"),
        (lambda: hg.Linear(3, 2.5), TypeError, r"Linear: out_features is 2.5; it must be an integer"),
        (lambda: hg.Linear(3, 2, dtype=int), TypeError, r"Linear: dtype is <class 'int'>; it must be floating point"),
        (lambda: hg.Linear(3, 2, dtype=bool), TypeError, r"Linear: dtype is <class 'bool'>; it must be"),
        (lambda: hg.Linear(3, 2, dtype="floating"), TypeError, r"Linear: dtype is 'floating'; it must be floating point, numpy.float64"),
        (lambda: hg.Linear(3, 2, rng="0"), TypeError, r"Linear: rng is '0'; it must be"),
        (lambda: hg.LeakyReLU(None), TypeError, r"LeakyReLU: slope is None; it must be a number"),
        (lambda: hg.Sequential([hg.ReLU(), hg.Tanh()]), TypeError, r"Sequential: layer 0 is \[ReLU\(\), Tanh\(\)\]; it must be a layer.* such as ReLU\(\); make one of several: Sequential\(\*layers\)$"),
        (lambda: hg.Sequential(hg.Linear(3, 2), hg.relu), TypeError, r"Sequential: layer 1 is <function relu .*; it must be a layer"),
        (lambda: hg.Sequential(hg.ReLU), TypeError, r"Sequential: layer 0 is <class .*ReLU'>; it must be a layer, an object"),
        (lambda: hg.SGD([hg.Linear(3, 2)], 0.1), TypeError, r"SGD: net is \[Linear\(3, 2\)\]; it must be a layer"),
        (lambda: hg.SGD(hg.ReLU(), "0.1"), TypeError, r"SGD: lr is '0.1'; it must be a number"),
        (lambda: hg.SGD(hg.ReLU(), None), TypeError, r"SGD: lr is None; it must be a number"),
        (lambda: hg.SGD(hg.ReLU(), [0.1]), TypeError, r"SGD: lr is \[0.1\]; it must be a number"),
        (lambda: hg.SGD(hg.ReLU(), np.full(2, 0.1)), TypeError, r"SGD: lr is array\(\[0.1, 0.1\]\); it must be a number"),
        (lambda: hg.SGD(hg.ReLU(), float("inf")), ValueError, r"SGD: lr is inf; it must be finite"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_numbers_of_numpy_are_numbers():
    layer = hg.Linear(np.int64(3), np.int32(2), rng=np.random.default_rng(0), dtype="float32")
    assert layer.params["weight"].shape == (2, 3)
    assert hg.SGD(layer, np.float32(0.5)).lr == 0.5
    assert hg.SGD(layer, 1).lr == 1
    np.testing.assert_array_equal(hg.LeakyReLU(np.float64(0.25)).forward([-4.0]), [-1.0])


def test_a_network_says_which_of_its_layers_refuses():
    net = hg.Sequential(hg.ReLU(), hg.Sequential(hg.Tanh(), hg.Linear(3, 4)))
    with pytest.raises(ValueError, match=r"^Sequential, layer 1: Sequential, layer 1: linear: X has 2 features"):
        net.forward(normal(5, 2))
    with pytest.raises(TypeError, match=r"^Sequential, layer 0: relu: Z has dtype int64"):
        net.forward([[1, 2]])


def test_a_layer_is_in_a_network_once():
    """Twice, it would go back through its last forward pass twice: the first is forgotten."""
    relu, linear = hg.ReLU(), hg.Linear(3, 3, rng=0)
    with pytest.raises(ValueError, match=r"^Sequential: layers 0 and 2 are one object, ReLU\(\), .* make a second one"):
        hg.Sequential(relu, linear, relu)
    with pytest.raises(ValueError, match=r"layers 0 and 1.1 are one object, Linear\(3, 3\)"):
        hg.Sequential(linear, hg.Sequential(hg.Tanh(), linear))
    tail = hg.Sequential(hg.Tanh())
    with pytest.raises(ValueError, match=r"layers 0.0 and 1.0 are one object"):
        hg.Sequential(tail, tail)
    twin = hg.Sequential(hg.ReLU(), linear, hg.ReLU())
    X, G = normal(5, 3), normal(5, 3, seed=1)
    assert hg.check_pullback(lambda X: (twin.forward(X), twin.backward), X).ok

    def shared(X):  # what is refused: both ways back go through the second pass
        Y = relu.forward(linear.forward(relu.forward(X)))
        return Y, lambda G: relu.backward(linear.backward(relu.backward(G)))

    assert not np.allclose(shared(X)[1](G), (twin.forward(X), twin.backward(G))[1])


def test_a_layer_shows_how_it_was_made():
    net = hg.Sequential(
        hg.Linear(3, 2), hg.Sequential(hg.LeakyReLU(0.2), hg.Linear(2, 4, bias=False, dtype=np.float32)), hg.GELU()
    )
    assert (
        repr(net)
        == "Sequential(Linear(3, 2), Sequential(LeakyReLU(0.2), Linear(2, 4, bias=False, dtype=float32)), GELU())"
    )
    for layer in (hg.ReLU, hg.Sigmoid, hg.Tanh, hg.Softplus, hg.Softmax, hg.LogSoftmax):
        assert repr(layer()) == f"{layer.__name__}()"


def test_sgd_steps_every_layer_of_a_nested_network():
    net = hg.Sequential(hg.Linear(4, 3, rng=0), hg.Sequential(hg.Tanh(), hg.Linear(3, 2, rng=1)), hg.ReLU())
    optimiser = hg.SGD(net, lr=0.5)
    before = {name: array.copy() for name, array in net.params.items()}
    with pytest.raises(RuntimeError, match="call backward first"):
        optimiser.step()
    net.backward(normal(*net.forward(normal(5, 4)).shape, seed=1))
    optimiser.step()
    assert list(before) == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    for name, array in net.params.items():
        np.testing.assert_array_equal(array, before[name] - 0.5 * net.grads[name])
        assert not np.array_equal(array, before[name])


def test_sgd_moves_nothing_if_a_layer_has_no_gradients():
    first, second = hg.Linear(2, 2, rng=0), hg.Linear(2, 2, rng=1)
    first.forward(normal(3, 2))
    first.backward(normal(3, 2))
    before = first.params["weight"].copy()
    with pytest.raises(RuntimeError, match="call backward first"):
        hg.SGD(hg.Sequential(first, second), lr=1).step()
    np.testing.assert_array_equal(first.params["weight"], before)
