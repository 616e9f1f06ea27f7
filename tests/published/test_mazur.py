"""Mazur's 2-2-2 network, held against every digit that its author printed.

Source: Matt Mazur, A Step by Step Backpropagation Example, 2015. A printed number is kept as the
text that was printed: a value agrees with it when it rounds to that text.
"""

from decimal import Decimal

import numpy as np
import pytest

import handgrad as hg

X = np.array([[0.05, 0.10]])  # (1, 2), one sample
T = np.array([[0.01, 0.99]])  # (1, 2)
W1 = np.array([[0.15, 0.20], [0.25, 0.30]])  # (2, 2), a row for each hidden neuron
W2 = np.array([[0.40, 0.45], [0.50, 0.55]])  # (2, 2), a row for each output
b1, b2 = np.full(2, 0.35), np.full(2, 0.60)  # never updated in the source
RATE = 0.5


def agrees(value, printed):
    """Tell whether `value` rounds to the decimals that were printed."""
    return round(Decimal(float(value)), -Decimal(printed).as_tuple().exponent) == Decimal(printed)


def forward(W1, W2):
    """Return all values and the pullbacks, from input to error.

    The mean over the two outputs is the source's sum of halves.
    """
    Z1, linear1 = hg.linear(X, W1, b1)
    A1, sigmoid1 = hg.sigmoid(Z1)
    Z2, linear2 = hg.linear(A1, W2, b2)
    A2, sigmoid2 = hg.sigmoid(Z2)
    E, error = hg.mean_squared_error(A2, T)
    return (Z1, A1, Z2, A2, E), (linear1, sigmoid1, linear2, sigmoid2, error)


def step(W1, W2, *, early=False):
    """Return the weights after one step; `early` goes back through the new W2."""
    _, (linear1, sigmoid1, linear2, sigmoid2, error) = forward(W1, W2)
    dZ2 = sigmoid2(error())
    dA1, dW2, _ = linear2(dZ2)
    new_W2 = W2 - RATE * dW2
    if early:
        dA1 = np.dot(dZ2, new_W2)
    _, dW1, _ = linear1(sigmoid1(dA1))
    return W1 - RATE * dW1, new_W2


def after(steps, *, early=False):
    """Return the outputs and the error after so many steps."""
    weights = W1, W2
    for _ in range(steps):
        weights = step(*weights, early=early)
    (_, _, _, A2, E), _ = forward(*weights)
    return (*A2[0], E)


def test_rounding_tells_the_last_printed_digit():
    assert agrees(0.12345, "0.123")
    assert agrees(0.1236, "0.124")
    assert not agrees(0.1236, "0.123")


def test_forward_pass():
    (Z1, A1, Z2, A2, E), _ = forward(W1, W2)
    assert agrees(Z1[0, 0], "0.3775")
    assert agrees(A1[0, 0], "0.593269992")
    assert agrees(A1[0, 1], "0.596884378")
    assert agrees(Z2[0, 0], "1.105905967")
    assert agrees(A2[0, 0], "0.75136507")
    assert agrees(A2[0, 1], "0.772928465")
    halves = (A2[0] - T[0]) ** 2 / 2
    assert agrees(halves[0], "0.274811083")
    assert agrees(halves[1], "0.023560026")
    assert agrees(E, "0.298371109")


def test_backward_pass():
    _, (linear1, sigmoid1, linear2, sigmoid2, error) = forward(W1, W2)
    dA2 = error()
    dZ2 = sigmoid2(dA2)
    dA1, dW2, _ = linear2(dZ2)
    dZ1 = sigmoid1(dA1)
    _, dW1, _ = linear1(dZ1)
    assert agrees(dA2[0, 0], "0.74136507")
    assert agrees(sigmoid2(np.ones((1, 2)))[0, 0], "0.186815602")
    assert agrees(dZ2[0, 0], "0.138498562")
    assert agrees(dW2[0, 0], "0.082167041")
    assert agrees(dZ2[0, 0] * W2[0, 0], "0.055399425")
    assert agrees(dA1[0, 0], "0.036350306")
    assert agrees(sigmoid1(np.ones((1, 2)))[0, 0], "0.241300709")
    assert agrees(dW1[0, 0], "0.000438568")


def test_one_partial_product_is_printed_one_too_high_in_the_last_digit():
    _, (_, _, _, sigmoid2, error) = forward(W1, W2)
    product = sigmoid2(error())[0, 1] * W2[1, 0]
    assert not agrees(product, "-0.019049119")
    assert agrees(product, "-0.019049118")


def test_weights_after_the_step():
    new_W1, new_W2 = step(W1, W2)
    printed = ["0.35891648", "0.408666186", "0.511301270", "0.561370121"]
    assert all(map(agrees, new_W2.flat, printed))
    printed = ["0.149780716", "0.19956143", "0.24975114", "0.29950229"]
    assert all(map(agrees, new_W1.flat, printed))
    early_W1, early_W2 = step(W1, W2, early=True)
    assert np.array_equal(early_W2, new_W2)
    assert not any(map(agrees, early_W1.flat, printed))


@pytest.mark.parametrize("early", [True, False])
def test_error_after_the_step_is_printed_from_an_early_update(early):
    *_, E = after(1, early=early)
    assert agrees(E, "0.291027924") == early
    assert agrees(E, "0.29102792390544" if early else "0.29102777369360")
    # What the author's own program prints since it was mended, two days before publication.
    assert agrees(E, "0.291027774") == (not early)


@pytest.mark.parametrize("early", [True, False])
def test_outputs_after_10000_steps_are_printed_from_an_early_update(early):
    o1, o2, E = after(10_000, early=early)
    assert agrees(o1, "0.015912196") == early
    assert agrees(o2, "0.984065734") == early
    assert agrees(o1, "0.015912196" if early else "0.015913620")
    assert agrees(o2, "0.984065734" if early else "0.984064274")
    # The printed error belongs to neither. Without its third 1 it is that of the early update.
    assert not agrees(E, "0.0000351085")
    assert agrees(E, "0.000035085") == early


def test_printed_error_is_the_right_one_a_step_earlier():
    *_, E = after(9_999)
    assert agrees(E, "0.0000351085")


def test_gradients_are_right_where_the_early_ones_are_not():
    for early in (False, True):
        new_W1, _ = step(W1, W2, early=early)
        report = hg.check_gradient(lambda V: forward(V, W2)[0][-1], W1, (W1 - new_W1) / RATE)
        assert report.ok is not early
