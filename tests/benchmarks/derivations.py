"""What deriving costs, and how near the generated source comes to a pullback that was written by hand.

As in `bench.py`, a time is the least of many rounds of processor time, and contenders take turns.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

import handgrad as hg

ROUNDS = 25
LAYER_GATE, CHAIN_GATE, SOURCE_GATE = 1e-3, 15e-3, 1.1
LAYER = ("mean((tanh(X @ W.T + b) - T)**2)", "W", "X: n i, W: o i, b: o, T: n o")
DEPTH = 64


def derive(expression: str, wrt: str, dims: dict[str, str] | str) -> str:
    return str(hg.derive(expression, wrt, dims).gradient)


def chain() -> tuple[str, str, dict[str, str]]:
    text, dims = "X", {"X": "n h"}
    for layer in range(1, DEPTH + 1):
        text, dims[f"W{layer}"] = f"tanh({text} @ W{layer}.T)", "h h"
    return f"L({text})", "W1", dims


def least_times(*works: Callable[[], object]) -> list[float]:
    least = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            least[number] = min(least[number], time.process_time() - start)
    return least


def arrays(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def linear_by_hand(X, W, b, G):
    return G.T @ X


def network_by_hand(X, W1, b1, W2, b2, G):
    Z = X @ W1.T + b1
    return ((G @ W2) * (Z > 0)).T @ X


def source_ratios() -> dict[str, float]:
    """The time of the generated source divided by that of the pullback written by hand."""
    linear = hg.derive("L(X @ W.T + b)", "W", "X: n i, W: o i, b: o").to_numpy()
    network = hg.derive("L(relu(X @ W1.T + b1) @ W2.T + b2)", "W1", "X: n i, W1: h i, b1: h, W2: o h, b2: o").to_numpy()
    small = arrays(X=(512, 256), W=(384, 256), b=(384,), G=(512, 384))
    large = arrays(X=(512, 256), W1=(384, 256), b1=(384,), W2=(128, 384), b2=(128,), G=(512, 128))
    made = {}
    for name, ours, by_hand, given in (
        ("linear layer", linear, linear_by_hand, small),
        ("two layers", network, network_by_hand, large),
    ):
        assert np.array_equal(ours(**given), by_hand(**given))
        ours_time, hand_time = least_times(partial(ours, **given), partial(by_hand, **given))
        made[name] = ours_time / hand_time
    return made


def main() -> list[str]:
    """Print the figures; return what misses its gate."""
    failures = []
    deep = chain()
    layer, tall = least_times(lambda: derive(*LAYER), lambda: derive(*deep))
    for name, seconds, gate in (("a layer with a loss", layer, LAYER_GATE), (f"{DEPTH} layers", tall, CHAIN_GATE)):
        print(f"derive and print {name}: {seconds * 1e3:.2f} ms (at most {gate * 1e3:g})")
        if seconds > gate:
            failures.append(f"deriving {name}: {seconds * 1e3:.2f} ms is above {gate * 1e3:g}")
    for name, ratio in source_ratios().items():
        print(f"generated source / by hand, {name}: {ratio:.2f} (at most {SOURCE_GATE})")
        if ratio > SOURCE_GATE:
            failures.append(f"source of {name}: {ratio:.2f} is above {SOURCE_GATE}")
    return failures
