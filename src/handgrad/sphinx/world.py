"""Numbers for everything a claim speaks of, and what a formula is worth among them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.formula import Node
from handgrad.layout import Layout

from .functions import (
    ALIASES,
    ALONG,
    BINARY,
    ELEMENTWISE,
    KNOWN,
    NORMALISED,
    UNARY,
    inverse,
    normalised,
    reduce,
    refuse_known,
)
from .values import (
    Array,
    ShapeError,
    Value,
    elementwise,
    frobenius,
    numpy_product,
    product,
    together,
    transpose,
    value_of,
)

STEP = 1e-30  # of a complex step: nothing is subtracted, so it may be as small as it likes
WIDE_STEP = 1e-3  # of a five-point difference, for the derivative of a derivative
NOISE = 1e-9  # far above rounding, far below what a wrong formula does

DIFFERENTIATING = ("derivative", "differential")
DELTAS = ("delta", "kdelta")


@dataclass(frozen=True)
class Let:
    """``name = formula``, or ``name[i,j] = formula`` with a letter for each axis."""

    name: str
    letters: tuple[str, ...]
    formula: Node
    text: str = ""


def loss_name(node: Node) -> str:
    """The name of an unknown loss, if this is one applied to something."""
    is_loss = node.op == "call" and node.info[0][0].isupper() and node.info[0] not in ELEMENTWISE
    return str(node.info[0]) if is_loss else ""


@dataclass
class World:
    """Arrays for the names, and functions for what is unknown.

    Attributes
    ----------
    given : dict
        A value for each name.
    lets : dict of Let
        Names that are computed from others.
    sizes : dict
        The length of each dimension.
    formulas : tuple of Node
        All that is evaluated here: unknown losses and letters are looked up in it.
    rng : Generator
        For what is drawn when it is first needed.
    whole : bool
        Draw small whole numbers, and let unknown functions be polynomials: a counterexample
        that a reader can follow.
    layout : str
        How a derivative without letters is stored.
    moves : dict
        ``dX`` for the names that vary.
    weights : dict
        The unknown loss ``L(Y)`` is ``sum(weights * sin(Y))``.
    waves : dict
        The frequency and the phase of each unknown elementwise function.
    squares : set
        The unknown elementwise functions that were the square instead.
    seen : dict
        The value of each part that was evaluated.
    disturb : callable, optional
        What is done to the value of each part, to see what rounding may do.
    letter_sizes : dict
        What the letters of index notation run over; empty until a delta asks.
    measuring : bool
        Whether that is being found out.
    """

    given: Mapping[str, Value]
    lets: Mapping[str, Let]
    sizes: Mapping[str, int]
    formulas: tuple[Node, ...]
    rng: np.random.Generator
    whole: bool = False
    layout: str = Layout.SHAPE
    moves: dict[str, Value] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)
    waves: dict[str, tuple[float, float]] = field(default_factory=dict)
    squares: set[str] = field(default_factory=set)
    seen: dict[Node, Value] = field(default_factory=dict)
    disturb: Callable[[Array], Array] | None = None
    letter_sizes: dict[str, set[int]] = field(default_factory=dict)
    measuring: bool = False

    def value(self, node: Node) -> Value:
        """Evaluate a formula."""
        with np.errstate(all="ignore"):  # what is not finite is reported by whoever compares
            return Evaluation(self, self.given).value(node)

    def nodes(self) -> Iterator[Node]:
        """Every part of everything."""
        for formula in (*self.formulas, *(let.formula for let in self.lets.values())):
            yield from formula.walk()

    def draw(self, shape: tuple[int, ...]) -> Array:
        """Gaussian numbers, or small whole ones."""
        return self.rng.integers(-2, 3, shape) * 1.0 if self.whole else self.rng.normal(size=shape)

    def differentiates(self, node: Node) -> bool:
        """Whether evaluating a formula takes a derivative."""
        return self.uses(node, DIFFERENTIATING)

    def uses(self, node: Node, ops: tuple[str, ...]) -> bool:
        """Whether one of some operations is part of a formula, or of what its names are computed from."""
        return any(
            part.op in ops
            or (part.op == "name" and part.info in self.lets and self.uses(self.lets[part.info].formula, ops))
            for part in node.walk()
        )


class Evaluation:
    """One pass over the names: the given values, perhaps moved, and what follows from them."""

    def __init__(self, world: World, given: Mapping[str, Value]) -> None:
        self.world, self.given = world, given
        self.known: dict[str, Value] = {}

    def value(self, node: Node) -> Value:
        """Evaluate a formula; what kind of value each part has is kept for the printer."""
        made = self.evaluate(node)
        if self.world.disturb:
            made = made.map(self.world.disturb)
        self.world.seen[node] = made
        return made

    def name(self, name: str) -> Value:
        """The value of a name."""
        if name in self.given:
            return self.given[name]
        if name not in self.known:
            lets = self.world.lets
            self.known[name] = self.bound(lets[name]) if name in lets else self.upstream(name)
        return self.known[name]

    def bound(self, let: Let) -> Value:
        """The value of a computed name."""
        value = self.value(let.formula)
        if set(value.letters) != set(let.letters) or (let.letters and not value.scalar):
            target = f"{let.name}[{','.join(let.letters)}]" if let.letters else let.name
            raise ExpressionError(f"{target} cannot be {value.describe()}: both sides must have the same free letters")
        return value_of(value.at(let.letters)[..., 0, 0], len(let.letters)) if let.letters else value

    def evaluate(self, node: Node) -> Value:
        """Do what the node says to the values of its arguments."""
        info = node.info
        match node.op:
            case "number":
                return value_of(float(info), 0)
            case "name":
                return self.name(info)
            case "pi":
                return value_of(np.pi, 0)
            case "size":
                return value_of(float(self.world.sizes[info]), 0)
            case "ones":
                return value_of(np.ones(self.length(info)), 1)
            case "eye":
                return value_of(np.eye(self.length(info)), 2)
            case "delta" | "kdelta":
                return self.delta(*info)
            case "upstream":
                return self.upstream(info)
            case "differential":
                return self.differential(info)
            case "derivative":
                return self.derivative(node)
        args = [self.value(arg) for arg in node.args]
        match node.op:
            case "group" | "derived":
                return args[0]
            case "neg":
                return args[0].map(np.negative)
            case "+" | "-" | "*" | "/" | "**":
                return self.arithmetic(node.op, *args)
            case "^":
                return self.power(*args)
            case "juxtaposed":
                return product(*args)
            case "@":
                return numpy_product(*args)
            case ":" | "inner":
                return frobenius(*args)
            case "T":
                return transpose(args[0])
            case "numpy T":
                return args[0] if args[0].vector and not args[0].upright else transpose(args[0])
            case "upright":
                return replace(args[0], upright=True)
            case "inverse":
                return inverse(args[0])
            case "entry":
                return args[0].entry(info)
            case "sum":
                return self.sum(args[0], info)
            case "mask":
                return elementwise(args[0], args[1], COMPARISONS[info], info)
        return self.call(node, args)

    def arithmetic(self, sign: str, a: Value, b: Value) -> Value:
        """Entry by entry."""
        if sign == "/" and a.scalar and not b.scalar:
            raise ExpressionError(f"a number divided by {b.describe()}; its reciprocals are **(-1)")
        return elementwise(a, b, ARITHMETIC[sign], sign)

    def power(self, base: Value, exponent: Value) -> Value:
        """``x^2`` of a scalar, ``A^2`` of a square matrix."""
        if base.scalar:
            return elementwise(base, exponent, np.power, "^")
        times = exponent.array.flat[0]
        single = exponent.scalar and not exponent.letters and np.isreal(times)
        told = f"{base.describe()} ^ {f'{times.real:g}' if single else exponent.describe()}"
        if not (single and times.real.is_integer() and times.real >= 1 and base.row and base.column):
            raise ExpressionError(f"{told}: a square matrix has whole powers; ** is elementwise")
        if base.shape[0] != base.shape[1]:
            raise ShapeError(f"{told}: the matrix is not square; ** is elementwise")
        return base.map(lambda array: np.linalg.matrix_power(array, int(times.real)))

    def sum(self, value: Value, letters: tuple[str, ...]) -> Value:
        """``sum_ij``."""
        for letter in letters:
            if letters.count(letter) > 1:
                raise ExpressionError(f"sum_{''.join(letters)}: the letter {letter} is summed twice")
            if letter not in value.letters:
                raise ExpressionError(f"the letter {letter} is summed, but does not occur in what is summed")
        return value.total(letters)

    def length(self, axis: str) -> int:
        """The length of an axis such as ``n`` or ``k*l``."""
        return int(np.prod([self.world.sizes[letter] for letter in axis.split("*")]))

    # -- Index notation -------------------------------------------------------------------------

    def delta(self, i: str, j: str) -> Value:
        """The Kronecker delta; its letters run over what they run over elsewhere."""
        sizes = self.letter_sizes()
        found = sizes.get(i, set()) & sizes.get(j, set()) or sizes.get(i, set()) | sizes.get(j, set())
        if len(found) != 1:
            where = f"delta[{i},{j}]: the letters"
            if not found:
                raise ExpressionError(f"{where} occur in no array")
            raise ShapeError(f"{where} run over different dimensions; rename one of them")
        (size,) = found
        return Value(np.eye(size)[..., None, None], (i, j)) if i != j else Value(np.ones((size, 1, 1)), (i,))

    def letter_sizes(self) -> dict[str, set[int]]:
        """What every letter runs over: as in the arrays, or like its partner in a delta, or the dimension it names."""
        world = self.world
        if world.letter_sizes:
            return world.letter_sizes
        sizes: dict[str, set[int]] = {}
        deltas = [node.info for node in world.nodes() if node.op in DELTAS]
        within, world.measuring = world.measuring, True
        self.measure(sizes, within=within)
        world.measuring = within
        for letter in {letter for pair in deltas for letter in pair} - set(sizes):
            if letter in world.sizes:
                sizes[letter] = {world.sizes[letter]}
        for _ in deltas:
            for i, j in deltas:
                known = sizes.get(i) or sizes.get(j)
                if known:
                    sizes.setdefault(i, known)
                    sizes.setdefault(j, known)
        world.letter_sizes = sizes
        return sizes

    def measure(self, sizes: dict[str, set[int]], *, within: bool) -> None:
        """Note what the letters of all arrays run over.

        An array that a delta is part of has a shape when that delta has one; `within` it, others must tell.
        """
        for node in self.world.nodes():
            if node.op == "entry":
                indexed, letters = node.args[0], node.info
            elif node.op == "derivative" and node.info[1]:
                indexed, letters = Node("name", info=node.info[0]), node.info[1]
            else:
                continue
            if not (within and self.world.uses(indexed, DELTAS)):
                self.note(sizes, self.value(indexed), letters)

    def note(self, sizes: dict[str, set[int]], value: Value, subscripts: tuple[str, ...]) -> None:
        """Note what the subscripts of a value run over."""
        lengths = [n for n, is_open in zip(value.shape, (value.row, value.column), strict=True) if is_open]
        for subscript, length in zip(subscripts, lengths, strict=False):
            sizes.setdefault(subscript, set()).add(length)

    # -- Calculus -------------------------------------------------------------------------------

    def moved(self, node: Node, moves: Mapping[str, Value]) -> Array:
        """The derivative of a formula when names move."""

        def at(step: complex) -> Array:
            given = dict(self.given)
            for name, move in moves.items():
                here = self.name(name)
                given[name] = replace(here, array=here.array + step * move.array)
            return Evaluation(self.world, given).value(node).array

        if not self.world.differentiates(node):
            return np.asarray(at(1j * STEP).imag / STEP)
        h = WIDE_STEP
        return np.asarray((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h))

    def differential(self, name: str) -> Value:
        """``dX``: a random change of a given name, or the change of a computed one that follows."""
        if name in self.world.moves:
            return self.world.moves[name]
        here = self.name(name)
        moved = self.moved(Node("name", info=name), self.world.moves)
        return replace(here, array=np.broadcast_to(moved, here.array.shape))

    def derivative(self, node: Node) -> Value:
        """``dY/dX``, entry by entry of X."""
        (top,), (name, letters) = node.args, node.info
        x, y = self.name(name), self.value(top)
        columns = []
        for at in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[at] = 1
            moved = self.moved(top, {name: replace(x, array=unit)})
            columns.append(np.broadcast_to(moved, y.array.shape))
        stacked = np.stack(columns, axis=-1).reshape(*y.array.shape, *x.shape)
        if letters is not None:
            if not y.scalar:
                raise ExpressionError(
                    f"the derivative of {y.describe()} by entries needs letters above as well: dY[i,j]/dX[a,b]"
                )
            return Value(stacked[..., 0, 0, :, :], y.letters, x.row, x.column).entry(letters)
        return self.laid_out(stacked, x, y)

    def laid_out(self, stacked: Array, x: Value, y: Value) -> Value:
        """Order the axes of a derivative as the layout wants."""
        layout = self.world.layout
        transposed = layout in (Layout.NUMERATOR, Layout.TRANSPOSED_DENOMINATOR)
        if y.scalar:
            made = Value(stacked[..., 0, 0, :, :], y.letters, x.row, x.column)
            return transpose(made) if transposed and not x.scalar else made
        if x.scalar:
            made = Value(stacked[..., 0, 0], y.letters, y.row, y.column)
            return transpose(made) if layout == Layout.DENOMINATOR else made
        if y.vector and x.vector:
            made = Value(stacked[..., 0, :, 0], y.letters, True, True)
            return transpose(made) if layout == Layout.DENOMINATOR else made
        raise ExpressionError(
            f"the derivative of {y.describe()} by {x.describe()} is no matrix; write it with letters, dY[i,j]/dX[a,b]"
        )

    # -- Functions ------------------------------------------------------------------------------

    def call(self, node: Node, args: list[Value]) -> Value:
        """A function by name; a name that is not known is an unknown function."""
        name, options = node.info
        name = ALIASES.get(name, name)
        if name not in KNOWN and not name[0].isupper():
            refuse_known(name)
        expected = 2 if name in BINARY else 1
        if len(args) != expected:
            raise ExpressionError(f"{name} takes {expected} argument{'s' * (expected > 1)}, not {len(args)}")
        allowed = {"axis", "keepdims"} if name in ALONG else {"axis"} if name in NORMALISED else set()
        for option in options:
            if option not in allowed:
                raise ExpressionError(f"{name} takes no option {option}")
        if name in ALONG:
            return reduce(name, args[0], **options)
        if name in NORMALISED:
            return normalised(name, args[0], **options)
        if name in UNARY:
            return UNARY[name](args[0])
        if name in BINARY:
            return BINARY[name](*args)
        if name in ELEMENTWISE:
            return args[0].map(ELEMENTWISE[name])
        return self.loss(name, args[0]) if name[0].isupper() else self.unknown(name, args[0])

    def loss(self, name: str, y: Value) -> Value:
        """An unknown loss: linear for a counterexample, else not."""
        weights = self.weights(name, y)
        array = y.array if self.world.whole else np.sin(y.array)
        return Value((weights * array).sum(axis=(-2, -1), keepdims=True), y.letters)

    def weights(self, name: str, y: Value) -> Array:
        """The numbers that an unknown loss consists of."""
        known = self.world.weights
        if name not in known:
            known[name] = self.world.draw(y.shape)
        if known[name].shape != y.shape:
            raise ShapeError(f"{name} is applied to values of different shapes")
        return known[name]

    def upstream(self, name: str) -> Value:
        """``G``: the gradient of the unknown loss ``L`` for its argument, ``G_K`` that of ``K``."""
        loss = name[2:] or "L"
        arguments = [self.value(node.args[0]) for node in self.world.nodes() if loss_name(node) == loss]
        if not arguments:
            raise ExpressionError(f"{name} is the gradient of {loss}(...), but {loss} is applied to nothing here")
        y = arguments[0]
        if not self.world.disturb and any(not np.array_equal(y.array, other.array) for other in arguments[1:]):
            raise ExpressionError(f"{name} is ambiguous: {loss} is applied to different values")
        weights = self.weights(loss, y)
        return replace(y, array=weights * (np.ones_like(y.array) if self.world.whole else np.cos(y.array)))

    def unknown(self, name: str, z: Value) -> Value:
        """An unknown elementwise function and its derivatives: a wave, or the square in whole numbers."""
        stem = name.rstrip("'")
        order = len(name) - len(stem)
        if self.world.whole:
            self.world.squares.add(stem)
            return z.map([lambda x: x * x, lambda x: 2 * x, lambda x: 0 * x + 2, lambda x: 0 * x][min(order, 3)])
        if stem not in self.world.waves:
            self.world.waves[stem] = (float(self.world.rng.uniform(0.5, 1.5)), float(self.world.rng.uniform(0, 2)))
        k, phase = self.world.waves[stem]
        return z.map(lambda x: k**order * np.sin(k * x + phase + order * np.pi / 2))


ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
}
COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    ">": lambda x, y: (x.real > y.real) * 1.0,
    "<": lambda x, y: (x.real < y.real) * 1.0,
    ">=": lambda x, y: (x.real >= y.real) * 1.0,
    "<=": lambda x, y: (x.real <= y.real) * 1.0,
    "==": lambda x, y: (x.real == y.real) * 1.0,
    "!=": lambda x, y: (x.real != y.real) * 1.0,
}


def sides(world: World, left: Node, right: Node, *, spread: bool = False) -> tuple[tuple[str, ...], Array, Array]:
    """The values of two sides, aligned: their letters, and an array each. A plain 0 has any shape.

    With `spread`, a side may lack letters of the other: it is the same for all their values.

    Raises
    ------
    ShapeError
        If the shapes or the free letters are different.
    """
    a, b = world.value(left), world.value(right)
    if left.op == "number" and left.info == 0:
        a = b.map(np.zeros_like)
    if right.op == "number" and right.info == 0:
        b = a.map(np.zeros_like)
    mine, other = set(a.letters), set(b.letters)
    letters_fit = mine == other or (spread and (mine < other or other < mine))
    if not letters_fit or (a.row, a.column) != (b.row, b.column) or a.shape != b.shape:
        raise ShapeError(f"the left side is {a.describe()}, the right side {b.describe()}")
    return together(a, b)


def disturbed(rng: np.random.Generator, array: Array) -> Array:
    """Numbers a little off, as rounding makes them; whole numbers are exact."""
    return np.where(array == np.round(array), array, array * (1 + NOISE * rng.normal(size=array.shape)))


@np.errstate(all="ignore")
def differ(world: World, left: Node, right: Node, tolerance: float, *, spread: bool = False) -> bool:
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
    _, x, y = sides(world, left, right, spread=spread)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ZeroDivisionError("a side is not finite")
    gap = abs(x - y).max()
    if gap <= tolerance * max(abs(x).max(), abs(y).max()):
        return False
    if gap > tolerance * max(abs(value.array).max() for value in world.seen.values()):
        return True
    nearby = replace(world, disturb=partial(disturbed, np.random.default_rng(0)))
    _, p, q = sides(nearby, left, right, spread=spread)
    return bool(gap > max(abs(p - x).max(), abs(q - y).max()))
