"""A claim: equations that must hold for random arrays of every admissible size."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import prod
from typing import TypeAlias

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.checking.read import DELTAS, double_meanings
from handgrad.derive.language.dims import Shape, flat, read_dims, show_axis
from handgrad.derive.language.formula import Part, Vocabulary, read_formula
from handgrad.derive.language.latex import aligned
from handgrad.derive.language.trees import postorder
from handgrad.layout import Layout

from .broadcast import ClaimPrinter
from .conditions import CONDITIONS, draw, read_conditions
from .lines import read_assignments, read_rows, read_target
from .values import Array, ShapeError, Value, together, value_of
from .world import Let, World, gradient_name

SEEDS = (0, 1, 2)
TOLERANCE = 1e-9
NOISE = 1e-9  # far above rounding, far below what a wrong formula does
WIDE_TOLERANCE = 1e-6  # where a derivative is derived, by differences
DEEPEST = 100  # levels of a formula, with those of the names in it
TRIES = 200  # of sizes, where conditions forbid some

Link: TypeAlias = tuple[Part, Part]


class FalseClaimError(AssertionError):
    """A claim that is not true, or a refutation of something that is."""


class Claim:
    r"""Equations, and what the names in them stand for.

    Parameters
    ----------
    text : str
        One or more lines ``left == right == ...  # reason``. A line that starts with ``==``
        continues the equation before it.
    dims : dict or str
        The dimensions of each name, ``"X: n i; W: o i"``.
    where : str, optional
        Conditions, ``"S symmetric, rows of T sum to one"``.
    let : str, optional
        Names that are computed from others, ``"Y = X W^T; L = L(Y)"``.
    layout : str, optional
        How ``dL/dW`` without letters is stored.
    spell : str, optional
        LaTeX for names, ``"W1 = W^1; a = \alpha"``.
    sizes : str, optional
        Dimensions with a length of their own, ``"n = 2"``; the others are drawn.

    Raises
    ------
    ExpressionError
        If something cannot be read; the message shows where.

    Examples
    --------
    >>> claim = Claim("trace(A @ B) == trace(B @ A)", "A: n m; B: m n")
    >>> claim.check()
    1
    >>> print(claim.latex())
    \operatorname{tr}(A B) = \operatorname{tr}(B A)
    >>> Claim("A B == B A", "A: n n; B: n n").check()
    Traceback (most recent call last):
    ...
    handgrad.sphinx.claim.FalseClaimError: A B == B A is false ...
    """

    def __init__(
        self, text: str, dims: dict[str, str] | str = "", where: str = "", let: str = "", layout: str = "shape",
        spell: str = "", sizes: str = "",
    ) -> None:  # fmt: skip
        if layout not in list(Layout):
            raise ExpressionError(f"layout: {layout!r} must be one of {', '.join(Layout)}")
        self.text, self.layout = text, layout
        self.dims = read_dims(dims)
        self.shapes = self.dims | {f"d{name}": shape for name, shape in self.dims.items()}
        self.spelling = dict(read_assignments("spell", spell))
        self.letters = {*flat(flat(self.dims.values()))}
        self.fixed: dict[str, int] = {}
        for letter, length in read_assignments("sizes", sizes):
            if letter not in self.letters or not length.isdecimal() or int(length) < 1:
                raise ExpressionError(f"sizes: {letter} = {length} must be a dimension and a whole number above 0")
            self.fixed[letter] = int(length)
        self.lets: dict[str, Let] = {}
        self.sources: dict[Part, str] = {}
        self.depths: dict[Part, int] = {}
        for target, formula in read_assignments("let", let):
            name, own = read_target(target)
            if name in self.dims or name in self.lets:
                raise ExpressionError(f"let: {name} is given twice; a name is given in dims, or computed once")
            self.lets[name] = Let(name, own, self._read(formula), f"{target} = {formula}")
        self.rows = list(read_rows(text, self._read))
        self._collect()
        for name in double_meanings(node for formula in self.formulas for node in formula.walk()):
            raise ExpressionError(f"{name} is an index and a length in one claim; rename the index")
        conditions = read_conditions(where, {name: len(shape) for name, shape in self.shapes.items()})
        self.conditions = {name: kinds for name, kinds in conditions.items() if name in self.drawn}
        self.tall = [name for name, kinds in self.conditions.items() if any(CONDITIONS[kind].tall for kind in kinds)]
        self.same = self._same_lengths()
        self.seen: dict[Part, Value] = {}

    def _read(self, text: str) -> Part:
        """Read a formula with the names known so far; it is evaluated by recursion, and must not be too deep."""
        made = read_formula(text, Vocabulary({*self.dims, *self.lets}, self.letters))
        for node in postorder([made]):
            below = [*node.args, *(self.lets[name].formula for name in self._names_in(node) if name in self.lets)]
            self.depths[node] = 1 + max((self.depths[part] for part in below), default=0)
        if self.depths[made] > DEEPEST:
            raise ExpressionError(f"{text[:40]} ... is nested {self.depths[made]} levels deep; at most {DEEPEST}")
        self.sources[made] = text
        return made

    # -- What it says ---------------------------------------------------------------------------

    @property
    def links(self) -> list[Link]:
        """The pairs of sides that must be equal."""
        return [link for row in self.rows for link in pairwise(row.sides)]

    @property
    def formulas(self) -> list[Part]:
        """Every side."""
        return [side for row in self.rows for side in row.sides[row.continues :]]

    def _collect(self) -> None:
        """Find what the sides depend on: names, what they are computed from, differentials, unknown losses."""
        used: set[str] = set()
        waiting = self.formulas
        for formula in waiting:  # more on the way
            for node in formula.walk():
                names = self._names_in(node)
                waiting += [self.lets[name].formula for name in names if name in self.lets and name not in used]
                used.update(names)
        self.used_lets = {name: let for name, let in self.lets.items() if name in used}
        formulas = [*self.formulas, *(let.formula for let in self.used_lets.values())]
        self.nodes = [node for formula in formulas for node in formula.walk()]
        upstream = set(map(gradient_name, self.nodes))
        self.names = [name for name in self.dims if name in used and name not in upstream]
        moving = {node.info for node in self.nodes if node.op == "differential"}
        self.varied = [name for name in self.names if name in moving]
        if moving and not self.varied:  # dL == G : dY says something, whatever varies
            self.varied = self.names
        self.drawn = [*self.names, *(f"d{name}" for name in self.varied)]

    def _names_in(self, node: Part) -> list[str]:
        """The names that a part refers to; a gradient ``G`` refers to what its loss gives."""
        if node.op == "upstream":
            lets = self.lets.items()
            return [name for name, let in lets if any(gradient_name(part) == node.info for part in let.formula.walk())]
        if node.op == "derivative":
            return [str(node.info[0])]
        return [str(node.info)] if node.op in ("name", "differential") else []

    def _same_lengths(self) -> dict[str, str]:
        """Dimensions that a condition makes equal: each points to the one it is equal to."""
        same: dict[str, str] = {}
        for name, kinds in self.conditions.items():
            shape = self.shapes[name]
            if any(CONDITIONS[kind].square for kind in kinds) and shape[0] != shape[1]:
                if any(len(axis) != 1 for axis in shape):
                    raise ExpressionError(f"where: {name} {kinds[0]}, but its dimensions are no single letters")
                rows, columns = (same.get(letter, letter) for letter in flat(shape))
                if columns in self.fixed:
                    rows, columns = columns, rows
                same = {letter: rows if other == columns else other for letter, other in same.items()}
                same[columns] = rows
        return same

    # -- Numbers --------------------------------------------------------------------------------

    @property
    def dimensions(self) -> list[str]:
        """The dimensions that can be chosen."""
        used = [letter for name in self.names for axis in self.dims[name] for letter in axis]
        used += [dim for node in self.nodes if node.op in ("size", "eye", "ones") for dim in node.info.split("*")]
        used += [letter for node in self.nodes if node.op in DELTAS for letter in node.info if letter in self.letters]
        return [letter for letter in dict.fromkeys(self.same.get(l, l) for l in used) if letter not in self.fixed]

    def lengths(self, sizes: dict[str, int]) -> dict[str, int]:
        """The length of every dimension, with those that a condition makes equal to another."""
        return sizes | {letter: sizes[other] for letter, other in self.same.items()}

    def shape(self, name: str, sizes: dict[str, int]) -> tuple[int, ...]:
        """The shape of an array that is drawn."""
        lengths = self.lengths(sizes)
        return tuple(prod(lengths[letter] for letter in axis) for axis in self.shapes[name])

    def world(self, sizes: dict[str, int], rng: np.random.Generator, *, whole: bool = False) -> World | None:
        """Draw numbers for everything; None if the conditions cannot be met with these sizes."""
        drawn: dict[str, Value] = {}
        for name in self.drawn:
            array = draw(rng, self.shape(name, sizes), self.conditions.get(name, []), whole=whole)
            if array is None:
                return None
            drawn[name] = value_of(array, array.ndim)
        given = {name: drawn[name] for name in self.names}
        moves = {name: drawn[f"d{name}"] for name in self.varied}
        world = World(given, self.used_lets, self.lengths(sizes), self.nodes, rng, whole, self.layout, moves)
        self.seen = world.seen
        return world

    def worlds(self) -> Iterator[tuple[dict[str, int], World]]:
        """Several draws of sizes and Gaussian numbers."""
        for seed, sizes in zip(SEEDS, self.sizes(), strict=True):
            world = self.world(sizes, np.random.default_rng(seed))
            if world is None:
                raise ExpressionError("where: no array was found that meets all conditions at once")
            yield sizes, world

    def sizes(self) -> list[dict[str, int]]:
        """Sizes for each draw: pairwise different, and no length of one draw comes back in another if it need not.

        What holds at one size only is false, and so is what holds for ``n < m`` only: of the first two draws one
        is in the opposite order.
        """
        allowed = [sizes for sizes in self._choices() if self.fits(sizes)]
        if not allowed:
            raise ExpressionError("where: no sizes meet the conditions on rows and columns")
        letters, found = self.dimensions, list[dict[str, int]]()

        def repeated(sizes: dict[str, int]) -> int:
            return sum(sizes[letter] == drawn[letter] for drawn in found for letter in letters)

        for _ in SEEDS:
            found.append(min(allowed, key=repeated))
        return found

    def _choices(self) -> Iterator[dict[str, int]]:
        """Sizes to choose from: rising, falling, a little larger, and where that may not do, in any order."""
        letters = self.dimensions
        up = np.arange(len(letters))
        places = [up, *(up[::-1] + shift for shift in range(3)), up + 1, up + 2]
        if self.tall:
            rng = np.random.default_rng(0)
            places += [rng.permutation(len(letters) + attempt % 10)[: len(letters)] for attempt in range(TRIES)]
        free = [length for length in range(2, 12 + len(letters) + len(self.fixed)) if length not in self.fixed.values()]
        for place in places:
            yield self.fixed | {letter: free[at] for letter, at in zip(letters, place, strict=True)}

    def fits(self, sizes: dict[str, int]) -> bool:
        """Whether the conditions allow some sizes: what has full column rank is as high as wide, or higher."""
        shapes = [self.shape(name, sizes) for name in self.tall]
        return self.lengths(sizes).items() >= sizes.items() and all(rows >= columns for rows, columns in shapes)

    # -- The check ------------------------------------------------------------------------------

    def check(self) -> int:
        """Evaluate both sides of every equation for several draws of sizes and numbers.

        Returns
        -------
        int
            The number of equations.

        Raises
        ------
        FalseClaimError
            With the equation, the sizes and both sides.
        """
        for sizes, world in self.worlds():
            tolerance = WIDE_TOLERANCE if self._derives_twice(world) else TOLERANCE
            for link in self.links:
                problem = self.compare(world, link, tolerance)
                if problem:
                    raise FalseClaimError(f"{self.show(link)} is false for {show_sizes(sizes)}: {problem}")
        return len(self.links)

    def compare(self, world: World, link: Link, tolerance: float) -> str:
        """Say how two sides differ; nothing if they do not."""
        try:
            if not self.differ(world, link, tolerance):
                return ""
        except ShapeError as error:
            return str(error)
        except ZeroDivisionError as error:
            return f"{error}; a condition such as positive or invertible may be missing"
        _, x, y = self.sides(world, link)
        return f"the left side is {_show(x)}, the right side {_show(y)}{_hint(x, y)}"

    def sides(self, world: World, link: Link, *, spread: bool = False) -> tuple[tuple[str, ...], Array, Array]:
        """The values of two sides, aligned: their letters, and an array each. A plain 0 has any shape.

        With `spread`, a side may lack letters of the other: it is the same for all their values.

        Raises
        ------
        ShapeError
            If the shapes or the free letters are different.
        ExpressionError
            With the equation, if it has no value, whatever the sizes.
        """
        try:
            a, b = map(world.value, link)
        except ExpressionError as error:
            raise ExpressionError(f"{self.show(link)} cannot be evaluated: {error}") from None
        left, right = link
        if left.op == "number" and left.info == 0:
            a = b.map(np.zeros_like)
        if right.op == "number" and right.info == 0:
            b = a.map(np.zeros_like)
        mine, other = set(a.letters), set(b.letters)
        letters_fit = mine == other or (spread and (mine < other or other < mine))
        if not letters_fit or (a.row, a.column) != (b.row, b.column) or a.shape != b.shape:
            raise ShapeError(f"the left side is {a.describe()}, the right side {b.describe()}")
        return together(a, b)

    @np.errstate(all="ignore")
    def differ(self, world: World, link: Link, tolerance: float, *, spread: bool = False) -> bool:
        """Whether two sides differ by more than rounding explains.

        Mostly that is relative to the sides. It cannot be where terms cancel, as in ``A - A == 0`` or in
        ``<x, K x> == 0`` with a skew-symmetric K: what is left is rounding, and its size is that of the terms.
        So each part is disturbed by a part in 10^9, and the sides may differ as much as that moves them, if it is
        little beside the largest number on the way. ``10^-10 A`` and ``exp(-100)`` are small without cancelling
        anything: they move with their last digits, and what differs from them differs.

        Raises
        ------
        ShapeError
            If the shapes or the free letters are different.
        ZeroDivisionError
            If an entry is not finite.
        """
        _, x, y = self.sides(world, link, spread=spread)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ZeroDivisionError("a side is not finite")
        gap = abs(x - y).max()
        if gap <= tolerance * max(abs(x).max(), abs(y).max()):
            return False
        if gap > tolerance * max(abs(value.array).max() for value in world.seen.values()):
            return True
        nearby = replace(world, disturb=partial(_disturbed, np.random.default_rng(0)))
        _, p, q = self.sides(nearby, link, spread=spread)
        return bool(gap > max(abs(p - x).max(), abs(q - y).max()))

    def _derives_twice(self, world: World) -> bool:
        derived = [node.args[0] for node in self.nodes if node.op == "derivative"]
        derived += [Part("name", info=node.info) for node in self.nodes if node.op == "differential"]
        return any(world.differentiates(node) for node in derived)

    def show(self, link: Link) -> str:
        """The equation as it was written."""
        return " == ".join(self.sources[side] for side in link)

    # -- What it looks like ---------------------------------------------------------------------

    def latex(self, sign: str = "=") -> str:
        """Print the equations as LaTeX, aligned if there are several lines; evaluate them first."""
        arrays = {name for name, shape in self.dims.items() if shape} | self.lets.keys()
        transposed = arrays if self.layout == Layout.TRANSPOSED_DENOMINATOR else set[str]()
        printer = ClaimPrinter(self.seen, self.spelling, transposed)
        lines = []
        for row in self.rows:
            left, *others = map(printer.latex, row.sides)
            right = f" {sign} ".join(others)
            reason = rf" && \text{{{row.reason}}}" if row.reason else ""
            lines.append(f"{'' if row.continues else left} &{sign} {right}{reason}")
        if len(lines) == 1 and not self.rows[0].reason:
            return lines[0].replace("&", "", 1)
        return aligned(lines)

    def describe(self) -> str:
        """Say what was drawn at random, in words, and all else that a verdict depends on."""
        parts = [
            ", ".join(f"{name} {show_shape(self.dims[name])}" for name in self.names),
            ", ".join(
                f"{name} {' and '.join(self.conditions[name])}" for name in self.drawn if name in self.conditions
            ),
            ", ".join(let.text for let in self.used_lets.values()),
            ", ".join(f"{letter} = {length}" for letter, length in self.fixed.items()),
            show_layout(self.layout),
        ]
        return "; ".join(part for part in parts if part)


def _disturbed(rng: np.random.Generator, array: Array) -> Array:
    """Numbers a little off, as rounding makes them; whole numbers are exact."""
    return np.where(array == np.round(array), array, array * (1 + NOISE * rng.normal(size=array.shape)))


def _hint(x: Array, y: Array) -> str:
    """Name a likely cause."""
    same = partial(np.allclose, atol=1e-8 * abs(x).max())
    if x.shape[-1] == x.shape[-2] and same(x, y.swapaxes(-1, -2)):
        return "; each is the transpose of the other"
    large = abs(y) > 1e-9 * abs(y).max()
    ratios = x[large] / y[large]
    if ratios.size and np.allclose(ratios, ratios[0]) and same(x, ratios[0] * y):
        return f"; the left side is {ratios[0]:.6g} times the right side"
    return ""


def _show(array: Array) -> str:
    squeezed, all_small = array.squeeze(), bool(abs(array).max() < 1e-3)
    return np.array2string(squeezed, precision=4, suppress_small=not all_small, separator=", ", threshold=20).replace(
        "\n", ""
    )


def show_sizes(sizes: dict[str, int]) -> str:
    """Sizes in words.

    Examples
    --------
    >>> show_sizes({"n": 2, "i": 3})
    'n = 2, i = 3'
    """
    return ", ".join(f"{letter} = {length}" for letter, length in sizes.items()) or "all numbers"


def show_layout(layout: str) -> str:
    """The layout in words; nothing if it is that of the gradient.

    Examples
    --------
    >>> show_layout("numerator"), show_layout("shape")
    ('numerator layout', '')
    """
    return "" if layout == Layout.SHAPE else f"{layout} layout"


def show_shape(shape: Shape) -> str:
    """The dimensions of an array, in words.

    Examples
    --------
    >>> show_shape((("n",), ("k", "d"))), show_shape(())
    ('(n, k*d)', 'a number')
    """
    return "(" + ", ".join(map(show_axis, shape)) + ")" if shape else "a number"
