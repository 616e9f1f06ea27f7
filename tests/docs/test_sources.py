"""Every source of the crosswalk agrees with the house layer, and a source with a mistake does not."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import handgrad as hg

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import sources
from sources import Source, SourceError

ALL = sources.load()


@pytest.fixture
def house() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    sizes = {"X": (6, 2), "W": (5, 2), "b": (5,), "G": (6, 5)}
    return {name: rng.normal(size=shape) for name, shape in sizes.items()}


def mutants(source: Source) -> Iterator[Source]:
    """The source with one deliberate mistake."""
    for role, (text, axes) in source.gradients.items():
        wrong = [f"2 ({text})", f"-({text})"]
        if "^T" in text:
            wrong.append(text.replace("^T", "", 1))
        wrong += [" ".join(reversed(text.split()))] if " " in text and "(" not in text and "/" not in text else []
        for changed in wrong:
            yield replace(source, gradients=source.gradients | {role: (changed, axes)})
    yield replace(source, mean="after" if source.mean == "in dW" else "in dW")
    yield replace(source, forward=f"2 * ({source.forward})")


@pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
def test_agrees_with_the_house(source: Source, house: dict[str, np.ndarray]) -> None:
    X, W, b, G = (house[name] for name in "XWbG")
    dX, dW, db = hg.linear(X, W, b)[1](G)
    expected = {"X": dX, "W": dW, "b": db}
    found = source.check(house)
    assert set(found) >= {"X", "W"}
    for role, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[role])


@pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
def test_a_mistake_is_found(source: Source, house: dict[str, np.ndarray]) -> None:
    survivors = []
    for mutant in mutants(source):
        try:
            mutant.check(house)
        except (SourceError, hg.ExpressionError):
            continue
        survivors.append((mutant.gradients, mutant.mean, mutant.forward))
    assert not survivors


def test_the_sources_that_readers_come_from_are_there() -> None:
    names = " ".join(source.name for source in ALL)
    wanted = ["PyTorch", "JAX", "Keras", "CS224n", "CS231n", "Dive into", "Mathematics for", "18.S096", "Wikipedia"]
    wanted += ["Goodfellow", "deep learning course", "machine-learning course", "Nielsen", "Magnus"]
    assert [name for name in wanted if name not in names] == []


def test_every_table_has_the_same_rows() -> None:
    for source in ALL:
        lines = source.table().splitlines()
        assert [line.count("|") for line in lines] == [4] * 12
        assert source.name in lines[0]
