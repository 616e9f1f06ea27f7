"""How sources write the linear layer: read, checked with the engine and against the house layer, and printed.

``docs/_data/sources.toml`` says which arrays a source has, how they are stored and what its gradients are.
"""

import math
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from identities import latex, rows, to_table

import handgrad as hg
from handgrad.derive.checking.read import World
from handgrad.derive.language.dims import Shape, read_dims
from handgrad.derive.language.matrix import to_matrix
from handgrad.derive.language.parse import parse

DATA = Path(__file__).parent.parent / "_data" / "sources.toml"
HOUSE = {"X": "ni", "W": "oi", "b": "o", "G": "no"}  # samples n, in i, out o
FACTOR = {
    "in G": "in {G}: the loss is a mean",
    "in dW": "in the gradients of {W} and {b}; {G} is each sample's own",
    "after": "after these formulas, when the samples are averaged; {G} is one sample's own",
}

Array = Any


class SourceError(AssertionError):
    """A source's formula that does not agree with the house layer."""


@dataclass(frozen=True)
class Source:
    """One source: the fields of ``sources.toml``."""

    name: str
    axes: str
    X: str
    W: str
    G: str
    forward: str
    gradients: dict[str, tuple[str, str]]
    mean: str
    layout: str
    printed: bool
    b: str = ""

    @cached_property
    def dims(self) -> dict[str, str]:
        """The axes of each of its arrays, by its own names."""
        given = (getattr(self, role) for role in HOUSE)
        return {name: axes.strip() for name, _, axes in (text.partition(":") for text in given if text)}

    def called(self, role: str) -> str:
        """Its name for ``X``, ``W``, ``b`` or ``G``; empty if it has none."""
        return str(getattr(self, role).partition(":")[0])

    @property
    def one_sample(self) -> bool:
        """Whether it is written for one sample."""
        return self.axes.split()[0] not in self.dims[self.called("X")].split()

    def check(self, house: dict[str, Array]) -> dict[str, Array]:
        """Compare its formulas with the engine and with the house's gradients.

        Parameters
        ----------
        house : dict
            ``X``, ``W``, ``b`` and ``G``, the gradient of the mean loss with respect to ``Y``, as the house stores them.

        Returns
        -------
        dict
            Its gradients by role, converted to the house's storage and to the mean loss.

        Raises
        ------
        SourceError
            If one of them is not the house's.
        """
        X, W, G = house["X"], house["W"], house["G"]
        N = len(X)
        own = 1 if self.mean == "in G" else N  # a sample's own loss counts N times what it does in the mean
        passes = [slice(n, n + 1) for n in range(N)] if self.one_sample else [slice(None)]
        found = [self._one_pass(house | {"X": X[rows], "G": own * G[rows]}) for rows in passes]
        divisor = N if self.mean == "after" else 1
        gradients = {role: sum(one[role] for one in found) / divisor for role in found[0]}
        gradients["X"] = np.concatenate([one["X"] for one in found]) / own
        for role, expected in (("W", G.T @ X), ("b", G.sum(axis=0)), ("X", G @ W)):
            if role in gradients:
                self._same(f"d{role}", gradients[role], expected)
        return gradients

    def _one_pass(self, house: dict[str, Array]) -> dict[str, Array]:
        """Its formulas for these samples, compared with the engine's."""
        size = {letter: n for role, array in house.items() for letter, n in zip(HOUSE[role], array.shape, strict=True)}
        stored = {
            self.called(role): self._store(house[role], role, self.dims[self.called(role)])
            for role in HOUSE
            if self.called(role)
        }
        found = {}
        for role, (text, axes) in self.gradients.items():
            printed = self._evaluate(text, stored, size)
            lengths = [math.prod(size[letter] for letter in self._letters(axis)) for axis in axes.split()]
            if printed.shape != (*lengths, 1)[:2]:  # an array of one axis is printed as a column
                raise SourceError(f"{self.name}: {text!r} is {printed.shape} and should be ({axes})")
            found[role] = self._to_house(printed, role, axes, size)
        for role, gradient in found.items():
            d = self.derivation(role)
            of_y = " ".join(axis[0] if axis else "1" for axis in d.inputs["G"])
            derive = d.to_numpy()
            given = {**stored, "G": self._store(house["G"], "G", of_y)}
            engine = derive(
                **{name: given[name] for name in derive.__code__.co_varnames[: derive.__code__.co_argcount]}
            )
            mean = len(house["X"]) if self.mean == "in dW" and role != "X" else 1
            self._same(
                f"d{role} beside the engine's",
                gradient,
                self._to_house(engine, role, self.dims[self.called(role)], size) / mean,
            )
        return found

    def derivation(self, role: str) -> Any:
        """The engine's gradient for ``X``, ``W`` or ``b``, in its letters."""
        own = {name: axes for name, axes in self.dims.items() if name != self.called("G")}
        return hg.derive(f"L({self.forward})", self.called(role), own)

    def _same(self, what: str, left: Array, right: Array) -> None:
        if left.shape != right.shape or not np.allclose(left, right):
            raise SourceError(f"{self.name}: {what} is false, it is\n{left}\nagainst\n{right}")

    def _evaluate(self, text: str, stored: dict[str, Array], size: dict[str, int]) -> Array:
        """A formula in matrix notation, among arrays that are stored as the source does."""
        sizes = {axis: size[letter] for axis, letter in zip(self.axes.split(), "nio", strict=True)}
        shapes: dict[str, Shape] = read_dims({name: self.dims[name] for name in stored})
        tables = {name: to_table(array, shapes[name], sizes) for name, array in stored.items()}
        return rows(text, World(tables, shapes, sizes, {}))

    # -- Storage --------------------------------------------------------------------------------

    def _letters(self, axes: str) -> str:
        """The axes in the letters of the house: ``i*o`` is two of them, 1 is none."""
        house = dict(zip(self.axes.split(), "nio", strict=True))
        return "".join(house[axis] for part in axes.split() for axis in part.split("*") if axis != "1")

    def _store(self, array: Array, role: str, axes: str) -> Array:
        """A house array as the source stores it."""
        stored = np.einsum(f"{HOUSE[role]}->{self._letters(axes)}", array)
        lengths = iter(stored.shape)
        return stored.reshape([1 if axis == "1" else next(lengths) for axis in axes.split()])

    def _to_house(self, stored: Array, role: str, axes: str, size: dict[str, int]) -> Array:
        """What the source stores, as the house does."""
        letters = self._letters(axes)
        present = "".join(letter for letter in HOUSE[role] if letter in letters)
        array = np.einsum(f"{letters}->{present}", np.reshape(stored, [size[letter] for letter in letters]))
        return array.reshape([size[letter] for letter in HOUSE[role]])

    # -- Print ----------------------------------------------------------------------------------

    def _stored_as(self, name: str) -> str:
        axes = self.dims[name].split()
        return f"${latex(name)}$ ({', '.join(axes)}{',' if len(axes) == 1 else ''})"

    def table(self) -> str:
        """The source beside the house, as a Markdown table."""
        X, W, b, G = map(self.called, "XWbG")
        where = "one sample, " + ("a column" if self.dims[X].split()[0] != "1" else "a row") if self.one_sample else ""
        where = where or ("rows" if self.dims[X].split()[0] == self.axes.split()[0] else "columns")
        out = self.axes.split()[2]
        weights = "out by in" if self.dims[W].split()[0] == out else "in by out"
        own = {name: axes for name, axes in self.dims.items() if name != G}
        forward = str(to_matrix(parse(self.forward, read_dims(own))))
        lines = [
            ("samples", f"{where}, {self._stored_as(X)}", "rows, $X$ (N, in)"),
            ("weights", f"{weights}, {self._stored_as(W)}", "out by in, $W$ (out, in)"),
            ("layer", f"${latex(forward)}$", r"$X W^{\mathsf{T}} + \mathbf{1} b^{\mathsf{T}}$"),
            ("upstream gradient", self._stored_as(G), "$G$ (N, out)"),
            ("layout", self.layout, "shape"),
            (
                "1/m",
                FACTOR[self.mean].format(
                    **{role: f"${latex(self.called(role))}$" for role in "WbG" if self.called(role)}
                    | {"b": f"${latex(b)}$" if b else "the bias"}
                ),
                "in $G$: the loss is a mean",
            ),
        ]
        for role, house in (("W", r"G^{\mathsf{T}} X"), ("b", r"G^{\mathsf{T}} \mathbf{1}"), ("X", "G W")):
            text, axes = self.gradients.get(role, ("", ""))
            shown = (
                f"${latex(text)}$ ({', '.join(axes.split())}{',' if len(axes.split()) == 1 else ''})"
                if text
                else "no bias of its own"
            )
            name = self.called(role)
            lines.append((f"gradient for ${latex(name)}$" if name else "gradient for the bias", shown, f"${house}$"))
        printed = "yes" if self.printed else "no: derived here, in its letters"
        lines.append(("does it print them?", printed, "yes"))
        head = ["what", self.name, "this book"]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * 3, *lines])


def load() -> list[Source]:
    """Read the sources."""
    with DATA.open("rb") as file:
        rows = tomllib.load(file)["source"]
    return [Source(**row) for row in rows]
