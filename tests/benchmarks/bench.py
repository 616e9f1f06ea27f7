"""How near a training step comes to the matrix products it cannot do without, and what importing costs.

The network is 784-256-256-10 with ReLU, softmax cross-entropy and SGD, in float32 on one thread. Its step needs
eight matrix products: three forward, three for the weights, two for the inputs. The time of these alone, divided
by the time of the whole step, is 1 for a step that does nothing else.

Other work on the machine makes a time longer, never shorter. So each contender's time is the least of many rounds,
the contenders take turns within a round, and the clock counts the processor's time of this process only.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import derivations
import numpy as np

import handgrad as hg

SIZES = (784, 256, 256, 10)
GATES = {1: 0.45, 64: 0.70, 1024: 0.85}
REPEATS = {1: 300, 64: 60, 1024: 6}
ROUNDS = 25
IMPORT_GATE = 1.3

Step = Callable[[], object]


def data(batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, SIZES[0])).astype(np.float32), rng.integers(0, SIZES[-1], batch)


def products(batch: int) -> Step:
    """The eight products by np.dot, which is the fastest at a batch of one, into arrays that are there already."""
    rng = np.random.default_rng(1)

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    work = []
    for number, (inputs, outputs) in enumerate(pairwise(SIZES)):
        X, W, dY = array(batch, inputs), array(outputs, inputs), array(batch, outputs)
        work.append((X, W.T, array(batch, outputs)))
        work.append((dY.T, X, array(outputs, inputs)))
        if number:  # nobody needs the gradient of the data
            work.append((dY, W, array(batch, inputs)))

    def run() -> None:
        for left, right, out in work:
            np.dot(left, right, out=out)

    return run


def handgrad_step(batch: int) -> Step:
    X, T = data(batch)
    layers: list[hg.layers.Layer] = []
    for seed, (inputs, outputs) in enumerate(pairwise(SIZES)):
        layers += [hg.Linear(inputs, outputs, rng=seed, dtype=np.float32), hg.ReLU()]
    net = hg.Sequential(*layers[:-1])
    optimizer = hg.SGD(net, lr=1)

    def run() -> None:
        _, loss_pullback = hg.softmax_cross_entropy(net.forward(X), T)
        net.backward(loss_pullback(1e-3), input_gradient=False)  # the learning rate enters at the loss
        optimizer.step()

    return run


def torch_step(batch: int) -> Step | None:
    """The same step in PyTorch, or None where it is not installed."""
    try:
        import torch
    except ModuleNotFoundError:
        return None
    torch.set_num_threads(1)
    X, T = (torch.from_numpy(array) for array in data(batch))
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(SIZES):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    loss = torch.nn.CrossEntropyLoss()

    def run() -> None:
        optimizer.zero_grad()
        loss(net(X), T).backward()
        optimizer.step()

    return run


def least_times(steps: list[Step], repeats: int) -> list[float]:
    """Return each step's least time in seconds, the steps taking turns."""
    least = [float("inf")] * len(steps)
    for _ in range(ROUNDS):
        for number, step in enumerate(steps):
            start = time.process_time()
            for _ in range(repeats):
                step()
            least[number] = min(least[number], (time.process_time() - start) / repeats)
    return least


def import_time(statement: str) -> float:
    """The processor time of a new interpreter that runs a statement, in seconds: the median of several."""
    program = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    times = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(15)]
    return statistics.median(times)


def main() -> int:
    failures = []
    contenders = {"handgrad": handgrad_step, "PyTorch": torch_step}
    print("products alone / whole step, float32, one thread")
    print(f"{'batch':>6} {'products':>12}" + "".join(f"{name:>12}" for name in contenders) + f"{'at least':>12}")
    for batch, gate in GATES.items():
        steps = {name: step for name, make in contenders.items() if (step := make(batch))}
        limit, *times = least_times([products(batch), *steps.values()], REPEATS[batch])
        ratios = {name: limit / seconds for name, seconds in zip(steps, times, strict=True)}
        cells = "".join(f"{ratios[name]:12.2f}" if name in ratios else f"{'-':>12}" for name in contenders)
        print(f"{batch:>6} {limit * 1e6:>9.0f} us{cells}{gate:>12.2f}")
        if ratios["handgrad"] < gate:
            failures.append(f"batch {batch}: {ratios['handgrad']:.2f} is below {gate}")
    numpy, both = import_time("import numpy"), import_time("import numpy, handgrad")
    print(
        f"import numpy {numpy * 1e3:.0f} ms, with handgrad {both * 1e3:.0f} ms: {both / numpy:.2f} (at most {IMPORT_GATE})"
    )
    if both > IMPORT_GATE * numpy:
        failures.append(f"import: {both / numpy:.2f} is above {IMPORT_GATE}")
    failures += derivations.main()
    for failure in failures:
        print("FAILED", failure)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
