"""The arrays that the assignments of Stanford's CS231n give to check a forward pass with.

Source: CS231n, assignments on fully connected networks, 2016 and later. The assignments store a
weight as (in, out) and compute ``X W + b``; here it is (out, in), hence each ``.T``.
"""

import numpy as np

import handgrad as hg


def steps(low, high, *shape):
    return np.linspace(low, high, num=np.prod(shape)).reshape(shape)


# The two-layer network of the assignment: 3 samples, 5 features, 50 hidden, 7 classes.
X = steps(-5.5, 4.5, 5, 3).T  # (3, 5)
W1, b1 = steps(-0.7, 0.3, 5, 50).T, steps(-0.1, 0.9, 50)  # (50, 5), (50,)
W2, b2 = steps(-0.3, 0.4, 50, 7).T, steps(-0.9, 0.1, 7)  # (7, 50), (7,)
T = np.array([0, 5, 1])


def two_layer_loss(W1, b1, W2, b2):
    """(W1, b1, W2, b2) -> (loss, d -> their gradients) by the layers of the package."""
    net = hg.Sequential(hg.Linear(5, 50), hg.ReLU(), hg.Linear(50, 7))
    first, _, last = net.layers
    first.params |= {"weight": W1, "bias": b1}
    last.params |= {"weight": W2, "bias": b2}
    loss, loss_pullback = hg.softmax_cross_entropy(net.forward(X), T)

    def pullback(d):
        net.backward(loss_pullback(d), input_gradient=False)
        return tuple(net.grads.values())

    return loss, pullback


def test_affine_forward():
    X = steps(-0.1, 0.5, 2, 120)  # two images of 4 x 5 x 6, each a row
    W = steps(-0.2, 0.3, 120, 3).T  # (3, 120)
    Y, _ = hg.linear(X, W, steps(-0.3, 0.1, 3))
    printed = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    np.testing.assert_allclose(Y, printed, rtol=0, atol=6e-9)


def test_relu_forward():
    A, _ = hg.relu(steps(-0.5, 0.5, 3, 4))
    printed = [
        [0, 0, 0, 0],
        [0, 0, 0.04545455, 0.13636364],
        [0.22727273, 0.31818182, 0.40909091, 0.5],
    ]
    np.testing.assert_allclose(A, printed, rtol=0, atol=6e-9)


def test_two_layer_scores():
    A, _ = hg.relu(hg.linear(X, W1, b1)[0])
    Z, _ = hg.linear(A, W2, b2)
    printed = [
        [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096],
        [12.05769098, 12.74614105, 13.43459113, 14.1230412, 14.81149128, 15.49994135, 16.18839143],
        [12.58373087, 13.20054771, 13.81736455, 14.43418138, 15.05099822, 15.66781506, 16.2846319],
    ]
    np.testing.assert_allclose(Z, printed, rtol=0, atol=6e-9)
    # The mean over the batch is meant by the printed loss; the sum would be three times that.
    summed, _ = hg.softmax_cross_entropy(Z, T, reduction="sum")
    assert abs(summed / 3 - 3.4702243556) < 1e-10


def test_two_layer_loss():
    loss, _ = two_layer_loss(W1, b1, W2, b2)
    assert abs(loss - 3.4702243556) < 1e-10
    penalty = ((W1**2).sum() + (W2**2).sum()) / 2
    assert abs(loss + penalty - 26.5948426952) < 1e-10


def test_two_layer_gradients():
    hg.check_pullback(two_layer_loss, W1, b1, W2, b2).assert_ok()


def test_the_sum_in_place_of_the_mean_is_found_in_each_gradient():
    def summed(W1, b1, W2, b2):
        loss, pullback = two_layer_loss(W1, b1, W2, b2)
        return loss, lambda d: tuple(3 * gradient for gradient in pullback(d))

    report = hg.check_pullback(summed, W1, b1, W2, b2)
    assert report.verdict == "scaled"
    assert np.isclose(report.factor, 3)
    assert len(str(report).splitlines()) == 4
