"""A claim: equations that must hold for random arrays of every admissible size."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.expression import Shape, read_dims
from handgrad.derive.parse import tokenize
from handgrad.layout import Layout

from .conditions import CONDITIONS, draw, meets, read_conditions
from .latex import Printer, name_latex
from .notation import OPERATORS, Node, Vocabulary, cut, read_formula
from .values import Array, ShapeError, Value, value_of
from .world import Let, World, difference, loss_name, sides

SEEDS = (0, 1, 2)
TOLERANCE = 1e-9
WIDE_TOLERANCE = 1e-6  # where a derivative is derived, by differences
LARGEST, DRAWS = 3, 8  # of a counterexample: sizes up to this, and as many draws for each choice of sizes


class FalseClaimError(AssertionError):
    """A claim that is not true, or a refutation of something that is."""


@dataclass(frozen=True)
class Row:
    """One line of a claim: the sides it adds, and why.

    Attributes
    ----------
    start : Node or None
        The left side, if the line starts an equation.
    sides : tuple of Node
        What it is equal to.
    reason : str
        What stands after ``#``.
    """

    start: Node | None
    sides: tuple[Node, ...]
    reason: str


@dataclass(frozen=True)
class Counterexample:
    """Arrays for which two sides differ.

    Attributes
    ----------
    sizes : dict
        The length of each dimension.
    arrays : list
        The names in LaTeX, with their arrays.
    left, right : ndarray or None
        The sides; None if they have different shapes.
    place : dict
        The index of the entry that is shown, if the sides have index letters.
    reason : str
        Why the sides cannot be compared, if they cannot.
    """

    sizes: dict[str, int]
    arrays: list[tuple[str, Array]]
    left: Array | None = None
    right: Array | None = None
    place: dict[str, int] = field(default_factory=dict)
    reason: str = ""


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
        self.letters = letters = {letter for shape in self.dims.values() for axis in shape for letter in axis}
        self.fixed = {}
        for letter, length in read_assignments("sizes", sizes):
            if letter not in letters or not length.isdigit() or int(length) < 1:
                raise ExpressionError(f"sizes: {letter} = {length} must be a dimension and a whole number above 0")
            self.fixed[letter] = int(length)
        self.lets: dict[str, Let] = {}
        for target, formula in read_assignments("let", let):
            name, own = read_target(target)
            if name in self.dims or name in self.lets:
                raise ExpressionError(f"let: {name} is given twice; a name is given in dims, or computed once")
            before = Vocabulary({*self.dims, *self.lets}, letters)
            self.lets[name] = Let(name, own, read_formula(formula, before), f"{target} = {formula}")
        vocabulary = Vocabulary({*self.dims, *self.lets}, letters)
        self.rows = list(_rows(text, vocabulary))
        self._collect()
        axes = {name: len(shape) for name, shape in self.dims.items()}
        axes |= {f"d{name}": rank for name, rank in axes.items()}
        self.conditions = read_conditions(where, axes)
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
        used += [node.info for node in self.nodes if node.op in ("size", "eye", "ones")]
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

    def _sizes(self, rng: np.random.Generator) -> dict[str, int]:
        """Lengths that are pairwise different, and allow what the conditions need."""
        letters = self.dimensions
        for _ in range(200):
            lengths = rng.permutation(np.arange(2, 2 + len(letters)))
            sizes = self.fixed | {letter: int(length) for letter, length in zip(letters, lengths, strict=True)}
            if self._tall_enough(sizes):
                return sizes
        raise ExpressionError("where: no sizes meet the conditions on rows and columns")

    def _tall_enough(self, sizes: dict[str, int]) -> bool:
        def length(axis: tuple[str, ...]) -> int:
            return int(np.prod([sizes.get(self.same.get(letter, letter), 1) for letter in axis]))

        return all(
            length(self.dims[name][0]) >= length(self.dims[name][1])
            for name, kinds in self.conditions.items()
            if name in self.names and any(CONDITIONS[kind].tall for kind in kinds)
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
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            sizes = self._sizes(rng)
            world = self.world(sizes, rng)
            if world is None:
                raise ExpressionError("where: no array was found that meets all conditions at once")
            self.seen = world.seen
            tolerance = WIDE_TOLERANCE if self._derives_twice(world) else TOLERANCE
            for left, right in self.links:
                problem = compare(world, left, right, tolerance)
                if problem:
                    raise FalseClaimError(f"{self.show(left, right)} is false for {_show_sizes(sizes)}: {problem}")
        return len(self.links)

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

    # -- The refutation -------------------------------------------------------------------------

    def refute(self) -> Counterexample:
        """Find a small counterexample in small whole numbers.

        Returns
        -------
        Counterexample
            With the smallest sizes for which one was found; its entries cannot be made smaller
            one by one.

        Raises
        ------
        FalseClaimError
            If the claim holds.
        ExpressionError
            If there is not exactly one equation.
        """
        if len(self.links) != 1:
            raise ExpressionError(f"a refutation has one equation, left == right; here are {len(self.links)}")
        (left, right), letters = self.links[0], self.dimensions
        mismatch: Counterexample | None = None
        for lengths in sorted(product(range(1, LARGEST + 1), repeat=len(letters)), key=lambda n: (sum(n), n)):
            sizes = self.fixed | dict(zip(letters, lengths, strict=True))
            if not self._tall_enough(sizes):
                continue
            rng = np.random.default_rng(0)
            for _ in range(DRAWS):
                world = self.world(sizes, rng, whole=True)
                if world is None:
                    break
                try:
                    differs = _differ(world, left, right)
                except ShapeError as error:
                    mismatch = mismatch or Counterexample(sizes, [], reason=str(error))
                    self.seen = self.seen or world.seen
                    break
                if differs:
                    self.seen = world.seen
                    self._shrink(world, left, right)
                    return self._counterexample(world, sizes, left, right)
        if mismatch:
            return mismatch
        raise FalseClaimError(f"{self.show(left, right)} is called refuted, but it holds")

    def _shrink(self, world: World, left: Node, right: Node) -> None:
        """Make entries smaller while the sides still differ."""
        for name, array in _entries(world):
            conditions = self.conditions.get(name, [])
            rank = len(self.dims[name.removeprefix("d")]) if conditions else 2
            for at in np.ndindex(array.shape):
                mirrored = at[::-1]
                for smaller in (0.0, 1.0, -1.0):
                    if (abs(smaller), -smaller) >= (abs(float(array[at])), -float(array[at])):
                        continue
                    before = array.copy()
                    array[at] = smaller
                    if rank == 2 and array.shape[0] == array.shape[1] and conditions and not meets(array, conditions):
                        array[mirrored] = np.sign(before[at] * before[mirrored]) * smaller
                    fits = not conditions or meets(array.reshape(array.shape[:rank]), conditions)
                    if fits and _differ(world, left, right):
                        break
                    array[...] = before

    def _counterexample(self, world: World, sizes: dict[str, int], left: Node, right: Node) -> Counterexample:
        arrays = [(name_latex(name, self.spelling), array) for name, array in _entries(world)]
        letters, x, y = sides(world, left, right)
        where = np.unravel_index(np.argmax(abs(x - y)), x.shape)[: len(letters)]
        place = {letter: int(at) + 1 for letter, at in zip(letters, where, strict=True)}
        return Counterexample(sizes, arrays, x[where], y[where], place)

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
        body = " \\\\\n".join(lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    def describe(self) -> str:
        """Say what was drawn at random, in words."""
        names = [*self.names, *(f"d{name}" for name in self.varied)]
        parts = [
            ", ".join(f"{name} {_show_shape(self.dims[name])}" for name in self.names),
            ", ".join(f"{name} {' and '.join(self.conditions[name])}" for name in names if name in self.conditions),
            ", ".join(let.text for let in self.used_lets.values()),
        ]
        return "; ".join(part for part in parts if part)


def compare(world: World, left: Node, right: Node, tolerance: float) -> str:
    """Say how two sides differ; nothing if they do not."""
    try:
        _, x, y = sides(world, left, right)
        if difference(x, y) <= tolerance:
            return ""
    except ShapeError as error:
        return str(error)
    except ZeroDivisionError as error:
        return f"{error}; a condition such as positive or invertible may be missing"
    return f"the left side is {_show(x)}, the right side {_show(y)}{_hint(x, y)}"


def _hint(x: Array, y: Array) -> str:
    """Name a likely cause."""
    if x.shape[-1] == x.shape[-2] and np.allclose(x, y.swapaxes(-1, -2)):
        return "; each is the transpose of the other"
    ratios = x[abs(y) > 1e-9] / y[abs(y) > 1e-9]
    if ratios.size and np.allclose(ratios, ratios[0]) and np.allclose(x, ratios[0] * y):
        return f"; the left side is {ratios[0]:.6g} times the right side"
    return ""


def _show(array: Array) -> str:
    squeezed = array.squeeze()
    return np.array2string(squeezed, precision=4, suppress_small=True, separator=", ", threshold=20).replace("\n", "")


def _show_sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{letter} = {length}" for letter, length in sizes.items()) or "all numbers"


def _show_shape(shape: Shape) -> str:
    return "(" + ", ".join("*".join(axis) or "1" for axis in shape) + ")" if shape else "a number"


def _differ(world: World, left: Node, right: Node) -> bool:
    try:
        _, x, y = sides(world, left, right)
        return difference(x, y) > WIDE_TOLERANCE
    except (ZeroDivisionError, np.linalg.LinAlgError):
        return False


def _entries(world: World) -> Iterator[tuple[str, Array]]:
    """Every array that was drawn, under the name a reader knows it by."""
    for name, value in world.given.items():
        yield name, value.array
    for name, value in world.moves.items():
        yield f"d{name}", value.array
    for name, array in world.weights.items():
        yield "G" if name == "L" else f"G_{name}", array


def split_lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines that say something, each with its reason."""
    for line in text.splitlines():
        formula, _, reason = line.partition("#")
        if formula.strip():
            yield formula.strip(), reason.strip()


def _rows(text: str, vocabulary: Vocabulary) -> Iterator[Row]:
    start: Node | None = None
    begun = False
    for line, reason in split_lines(text):
        pieces = cut(line, {"=="})
        first = pieces[0][1].strip()
        if first:
            if start:
                raise ExpressionError(f"the line before {line!r} is no equation; write left == right")
            start, begun = read_formula(first, vocabulary), True
        elif not begun:
            raise ExpressionError(f"{line!r} continues an equation, but none stands before it")
        sides = tuple(read_formula(side, vocabulary) for _, side in pieces[1:])
        if sides:
            yield Row(start, sides, reason)
            start = None
    if start or not begun:
        raise ExpressionError("an equation is needed: left == right")


def read_assignments(option: str, text: str) -> Iterator[tuple[str, str]]:
    """Read ``name = something`` separated by semicolons or line ends."""
    for part in text.replace("\n", ";").split(";"):
        if part.strip():
            name, sign, value = part.partition("=")
            if not sign or not name.strip() or not value.strip() or value.startswith("="):
                raise ExpressionError(f"{option}: {part.strip()!r} must be of the form 'name = ...'")
            yield name.strip(), value.strip()


def read_target(text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``Y`` or ``Y[i,j]``."""
    tokens = tokenize(text, OPERATORS)
    inside = [token.text for token in tokens[2:-2]]
    plain = len(tokens) == 2
    indexed = (
        len(tokens) > 4
        and tokens[1].text == "["
        and tokens[-2].text == "]"
        and inside[1::2] == [","] * (len(inside) // 2)
    )
    if tokens[0].kind != "name" or not (plain or indexed):
        raise ExpressionError(f"let: {text!r} must be a name, or a name with letters such as Y[i,j]")
    return tokens[0].text, tuple(inside[::2])
