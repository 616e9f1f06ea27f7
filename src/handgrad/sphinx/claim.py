"""A claim: equations that must hold for random arrays of every admissible size."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.expression import Shape, flat, postorder, read_dims
from handgrad.derive.formula import Node, Vocabulary, cut, read_formula
from handgrad.derive.latex import Printer, aligned
from handgrad.derive.read import double_meanings
from handgrad.layout import Layout

from .conditions import CONDITIONS, draw, read_conditions
from .lines import read_assignments, read_rows, read_target, split_lines
from .values import Array, ShapeError, Value, value_of
from .world import Let, World, differ, loss_name, sides

SEEDS = (0, 1, 2)
TOLERANCE = 1e-9
WIDE_TOLERANCE = 1e-6  # where a derivative is derived, by differences
DEEPEST = 100  # levels of a formula, with those of the names in it
TRIES = 200  # of sizes, where conditions forbid some


class FalseClaimError(AssertionError):
    """A claim that is not true, or a refutation of something that is."""


class Claim:
    r"""Equations, and what the names in them stand for.

    Parameters
    ----------
    text : str
        One or more lines ``left == right == ...  # reason``. A line that starts with ``==``
        continues the equation before it.
    dims : str
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
        self, text: str, dims: str = "", where: str = "", let: str = "", layout: str = "shape", spell: str = "",
        sizes: str = "",
    ) -> None:  # fmt: skip
        if layout not in list(Layout):
            raise ExpressionError(f"layout: {layout!r} must be one of {', '.join(Layout)}")
        self.text, self.layout = text, layout
        self.dims = read_dims(dims)
        self.spelling = dict(read_assignments("spell", spell))
        self.letters = letters = {*flat(flat(self.dims.values()))}
        self.fixed = {}
        for letter, length in read_assignments("sizes", sizes):
            if letter not in letters or not length.isdecimal() or int(length) < 1:
                raise ExpressionError(f"sizes: {letter} = {length} must be a dimension and a whole number above 0")
            self.fixed[letter] = int(length)
        self.lets: dict[str, Let] = {}
        self.depths: dict[str, int] = {}
        for target, formula in read_assignments("let", let):
            name, own = read_target(target)
            if name in self.dims or name in self.lets:
                raise ExpressionError(f"let: {name} is given twice; a name is given in dims, or computed once")
            before = Vocabulary({*self.dims, *self.lets}, letters)
            made = read_formula(formula, before)
            self.depths[name] = self._depth(made, formula)
            self.lets[name] = Let(name, own, made, f"{target} = {formula}")
        vocabulary = Vocabulary({*self.dims, *self.lets}, letters)
        self.rows = list(read_rows(text, vocabulary))
        for side in self.formulas:
            self._depth(side, self.source_of(side))
        self._collect()
        self._refuse_double_meaning()
        axes = {name: len(shape) for name, shape in self.dims.items()}
        axes |= {f"d{name}": rank for name, rank in axes.items()}
        self.conditions = read_conditions(where, axes)
        used = {*self.names, *(f"d{name}" for name in self.varied)}
        self.conditions = {name: kinds for name, kinds in self.conditions.items() if name in used}
        self.same = self._same_lengths()
        self.seen: dict[Node, Value] = {}

    # -- What it says ---------------------------------------------------------------------------

    @property
    def links(self) -> list[tuple[Node, Node]]:
        """The pairs of sides that must be equal."""
        found: list[tuple[Node, Node]] = []
        chain: list[Node] = []
        for row in self.rows:
            chain = [row.start] if row.start else chain[-1:]
            chain += row.sides
            found += pairwise(chain)
        return found

    @property
    def formulas(self) -> tuple[Node, ...]:
        """Every side."""
        return tuple(side for row in self.rows for side in ((row.start,) if row.start else ()) + row.sides)

    def _depth(self, formula: Node, text: str) -> int:
        """How deep a formula is, with the names that are computed; it is evaluated by recursion."""
        depth: dict[int, int] = {}
        for node in postorder([formula]):
            below = [depth[id(arg)] for arg in node.args] + [self.depths.get(name, 0) for name in self._names_in(node)]
            depth[id(node)] = 1 + max(below, default=0)
        deepest = depth[id(formula)]
        if deepest > DEEPEST:
            raise ExpressionError(f"{text[:40]} ... is nested {deepest} levels deep; at most {DEEPEST}")
        return deepest

    def _collect(self) -> None:
        """Find what the sides depend on: names, what they are computed from, differentials, unknown losses."""
        used: set[str] = set()
        self.nodes: list[Node] = []
        waiting = list(self.formulas)
        while waiting:
            for node in waiting.pop().walk():
                self.nodes.append(node)
                for name in self._names_in(node):
                    if name not in used and name in self.lets:
                        waiting.append(self.lets[name].formula)
                    used.add(name)
        upstream = {"G" if name == "L" else f"G_{name}" for name in map(loss_name, self.nodes) if name}
        self.used_lets = {name: let for name, let in self.lets.items() if name in used}
        self.names = [name for name in self.dims if name in used and name not in upstream]
        moving = {node.info for node in self.nodes if node.op == "differential"}
        self.varied = [name for name in self.names if name in moving]
        if moving and not self.varied:  # dL == G : dY says something, whatever varies
            self.varied = self.names

    def _refuse_double_meaning(self) -> None:
        for name in double_meanings([node for formula in self.formulas for node in formula.walk()]):
            raise ExpressionError(f"{name} is an index and a length in one claim; rename the index")

    def _names_in(self, node: Node) -> list[str]:
        """The names that a part refers to; a gradient ``G`` refers to what its loss gives."""
        if node.op == "upstream":
            loss = node.info[2:] or "L"
            return [name for name, let in self.lets.items() if any(loss_name(n) == loss for n in let.formula.walk())]
        if node.op == "derivative":
            return [str(node.info[0])]
        return [str(node.info)] if node.op in ("name", "differential") else []

    def _same_lengths(self) -> dict[str, str]:
        """Dimensions that a condition makes equal: each points to the one it is equal to."""
        same: dict[str, str] = {}
        for name, kinds in self.conditions.items():
            shape = self.dims.get(name, self.dims.get(name[1:], ()))
            if any(CONDITIONS[kind].square for kind in kinds) and shape[0] != shape[1]:
                (rows, columns) = shape
                if len(rows) != 1 or len(columns) != 1:
                    raise ExpressionError(f"where: {name} {kinds[0]}, but its dimensions are no single letters")
                same[columns[0]] = rows[0]
        return same

    # -- Numbers --------------------------------------------------------------------------------

    @property
    def dimensions(self) -> list[str]:
        """The dimensions that can be chosen."""
        used = [letter for name in self.names for axis in self.dims[name] for letter in axis]
        used += [dim for node in self.nodes if node.op in ("size", "eye", "ones") for dim in node.info.split("*")]
        used += [letter for node in self.nodes if node.op == "delta" for letter in node.info if letter in self.letters]
        return [letter for letter in dict.fromkeys(self.same.get(l, l) for l in used) if letter not in self.fixed]

    def world(self, sizes: dict[str, int], rng: np.random.Generator, *, whole: bool = False) -> World | None:
        """Draw numbers for everything; None if the conditions cannot be met with these sizes."""
        lengths = sizes | {letter: sizes[other] for letter, other in self.same.items() if other in sizes}
        drawn: dict[str, Value] = {}
        for name in [*self.names, *(f"d{name}" for name in self.varied)]:
            shape = self.dims[name] if name in self.dims else self.dims[name[1:]]
            lengths_of_axes = tuple(int(np.prod([lengths[letter] for letter in axis])) for axis in shape)
            array = draw(rng, lengths_of_axes, self.conditions.get(name, []), whole=whole)
            if array is None:
                return None
            drawn[name] = value_of(array, len(shape))
        given = {name: drawn[name] for name in self.names}
        moves = {name: drawn[f"d{name}"] for name in self.varied}
        return World(given, self.used_lets, lengths, self.formulas, rng, whole, self.layout, moves)

    def draw(self, sizes: dict[str, int], rng: np.random.Generator) -> World:
        """Draw Gaussian numbers for everything."""
        world = self.world(sizes, rng)
        if world is None:
            raise ExpressionError("where: no array was found that meets all conditions at once")
        return world

    def sizes(self) -> list[dict[str, int]]:
        """Sizes for each draw: pairwise different, and no length of one draw comes back in another if it need not.

        What holds at one size only is false, and so is what holds for ``n < m`` only: of the first two draws one
        is in the opposite order.
        """
        allowed = [sizes for sizes in self._choices() if self.tall_enough(sizes)]
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
        if any(CONDITIONS[kind].tall for kinds in self.conditions.values() for kind in kinds):
            rng = np.random.default_rng(0)
            places += [rng.permutation(len(letters) + attempt % 10)[: len(letters)] for attempt in range(TRIES)]
        free = [length for length in range(2, 12 + len(letters) + len(self.fixed)) if length not in self.fixed.values()]
        for place in places:
            yield self.fixed | {letter: free[at] for letter, at in zip(letters, place, strict=True)}

    def tall_enough(self, sizes: dict[str, int]) -> bool:
        """Whether the sizes allow a matrix to have full column rank, where that is a condition."""

        def length(axis: tuple[str, ...]) -> int:
            return int(np.prod([sizes.get(self.same.get(letter, letter), 1) for letter in axis]))

        return all(
            length(self.dims[name][0]) >= length(self.dims[name][1])
            for name, kinds in self.conditions.items()
            if any(CONDITIONS[kind].tall for kind in kinds)
        )

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
        for seed, sizes in zip(SEEDS, self.sizes(), strict=True):
            world = self.draw(sizes, np.random.default_rng(seed))
            self.seen = world.seen
            tolerance = WIDE_TOLERANCE if self._derives_twice(world) else TOLERANCE
            for left, right in self.links:
                problem = self.compare(world, left, right, tolerance)
                if problem:
                    raise FalseClaimError(f"{self.show(left, right)} is false for {show_sizes(sizes)}: {problem}")
        return len(self.links)

    def sides(self, world: World, left: Node, right: Node) -> tuple[tuple[str, ...], Array, Array]:
        """Evaluate two sides, one of which may lack letters of the other."""
        with self.naming(left, right):
            return sides(world, left, right, spread=True)

    def differ(self, world: World, left: Node, right: Node, tolerance: float, *, spread: bool = False) -> bool:
        """Whether two sides differ."""
        with self.naming(left, right):
            return differ(world, left, right, tolerance, spread=spread)

    @contextmanager
    def naming(self, left: Node, right: Node) -> Iterator[None]:
        """Name the equation in an error that no sizes mend."""
        try:
            yield
        except ExpressionError as error:
            raise ExpressionError(f"{self.show(left, right)} cannot be evaluated: {error}") from None

    def compare(self, world: World, left: Node, right: Node, tolerance: float) -> str:
        """Say how two sides differ; nothing if they do not."""
        try:
            if not self.differ(world, left, right, tolerance):
                return ""
        except ShapeError as error:
            return str(error)
        except ZeroDivisionError as error:
            return f"{error}; a condition such as positive or invertible may be missing"
        _, x, y = self.sides(world, left, right)
        return f"the left side is {_show(x)}, the right side {_show(y)}{_hint(x, y)}"

    def _derives_twice(self, world: World) -> bool:
        derived = [node.args[0] for node in self.nodes if node.op == "derivative"]
        derived += [Node("name", info=node.info) for node in self.nodes if node.op == "differential"]
        return any(world.differentiates(node) for node in derived)

    def show(self, left: Node, right: Node) -> str:
        """The equation as it was written."""
        return f"{self.source_of(left)} == {self.source_of(right)}"

    def source_of(self, node: Node) -> str:
        """A side as it was written."""
        return self._sources()[node]

    def _sources(self) -> dict[Node, str]:
        texts = [text.strip() for line, _ in split_lines(self.text) for _, text in cut(line, {"=="}) if text.strip()]
        return dict(zip(self.formulas, texts, strict=True))

    # -- What it looks like ---------------------------------------------------------------------

    def latex(self, sign: str = "=") -> str:
        """Print the equations as LaTeX, aligned if there are several lines; evaluate them first."""
        printer = Printer(self.seen, self.spelling)
        lines = []
        for row in self.rows:
            left = printer.latex(row.start) if row.start else ""
            right = f" {sign} ".join(printer.latex(side) for side in row.sides)
            reason = rf" && \text{{{row.reason}}}" if row.reason else ""
            lines.append(f"{left} &{sign} {right}{reason}")
        if len(lines) == 1 and not self.rows[0].reason:
            return lines[0].replace("&", "", 1)
        return aligned(lines)

    def describe(self) -> str:
        """Say what was drawn at random, in words."""
        names = [*self.names, *(f"d{name}" for name in self.varied)]
        parts = [
            ", ".join(f"{name} {_show_shape(self.dims[name])}" for name in self.names),
            ", ".join(f"{name} {' and '.join(self.conditions[name])}" for name in names if name in self.conditions),
            ", ".join(let.text for let in self.used_lets.values()),
        ]
        return "; ".join(part for part in parts if part)


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


def _show_shape(shape: Shape) -> str:
    return "(" + ", ".join("*".join(axis) or "1" for axis in shape) + ")" if shape else "a number"
