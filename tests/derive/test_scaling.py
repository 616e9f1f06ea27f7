"""Depth costs linear size, and no recursion."""

import pytest

import handgrad as hg


def chain(layers):
    text, dims = "X", {"X": "n h"}
    for layer in range(1, layers + 1):
        text, dims[f"W{layer}"] = f"tanh({text} @ W{layer}.T)", "h h"
    return hg.derive(f"L({text})", "W1", dims)


@pytest.mark.parametrize("notation", ["index", "frobenius"])
def test_steps_are_linear_in_the_depth(notation):
    counts = [len(chain(layers).steps(notation)) for layers in (4, 8, 12)]
    assert counts[2] - counts[1] == counts[1] - counts[0]


def test_size_is_linear_in_the_depth():
    sizes = [len(chain(layers).source.splitlines()) for layers in (10, 20, 30)]
    assert sizes[2] - sizes[1] <= sizes[1] - sizes[0]


def test_two_hundred_layers():
    d = chain(200)
    assert len(d.steps("frobenius")) > 200
    assert callable(d.to_numpy())
    assert len(str(hg.derive(d.expression, "W1", flatten=True).gradient)) > 10_000


def test_a_deep_chain_is_true():
    chain(30).check((0,))


def test_a_deep_jacobian():
    layers = 20
    d = hg.derive("tanh(W @ " * layers + "x" + ")" * layers, "x", "x: n, W: n n")
    assert len(d.text("index")) + len(d.text("frobenius")) < 1000 * layers
    assert d.check((0,)) > 10 * layers


def test_a_long_product_and_a_long_sum():
    names = [f"W{k}" for k in range(40)]
    dims = dict.fromkeys(names, "n n")
    d = hg.derive(f"trace({' @ '.join(names)})", "W7", dims)
    assert str(d.gradient).count("@") == 38
    assert str(hg.derive("sum(" + " + ".join(["X"] * 300) + ")", "X", "X: n").gradient) == "300 * ones(n)"


def test_functions_of_functions_cost_no_recursion():
    d = hg.derive("exp(" * 300 + "x" + ")" * 300, "x", "x: n")
    assert str(d.gradient).startswith("diag(")
    assert d.text("index").count("\n") > 600
    assert d.source.count("np.exp") == 300


def test_a_long_exponent_costs_no_recursion():
    d = hg.derive(f"sum(x**({'+'.join(['y'] * 3000)}))", "x", "x: n, y:")
    assert str(d.gradient) == "s * x**(s - 1)"
    assert str(d.program.definitions["s"]) == "3000 * y"
