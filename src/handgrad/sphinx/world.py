"""Numbers for everything a claim speaks of, and what a formula is worth among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from operator import methodcaller
from typing import TypeAlias

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.checking.read import DELTAS
from handgrad.derive.language.dims import flat
from handgrad.derive.language.formula import Part
from handgrad.layout import Layout

from .conditions import plain
from .functions import ALIASES, FUNCTIONS, Function, inverse, refuse_known
from .values import (
    ARITHMETIC,
    Array,
    ShapeError,
    Value,
    arithmetic,
    comparison,
    frobenius,
    numpy_product,
    numpy_transpose,
    power,
    product,
    transpose,
    value_of,
)

STEP = 1e-30  # of a complex step: nothing is subtracted, so it may be as small as it likes
WIDE_STEP = 1e-3  # of a five-point difference, for the derivative of a derivative

DIFFERENTIATING = ("derivative", "differential")
Unknown: TypeAlias = Callable[[int, Array], Array]  # of an order and an argument, the derivative of that order


@dataclass(frozen=True)
class Let:
    """``name = formula``, or ``name[i,j] = formula`` with a letter for each axis."""

    name: str
    letters: tuple[str, ...]
    formula: Part
    text: str = ""


def gradient_name(node: Part) -> str:
    """What the gradient of an unknown loss is called, if this is one that is applied: ``G``, or ``G_K`` of ``K``."""
    name = node.info[0] if node.op == "call" else ""
    if not name[:1].isupper() or name in FUNCTIONS:
        return ""
    return "G" if name == "L" else f"G_{name}"


def indexed(node: Part) -> tuple[Part, tuple[str, ...]]:
    """The array and its index letters, if this is ``X[n,i]`` or ``dY/dX[n,i]``."""
    if node.op == "derivative":
        return Part("name", info=node.info[0]), node.info[1] or ()
    return (node.args[0], node.info) if node.op == "entry" else (node, ())


def _wave(rng: np.random.Generator) -> Unknown:
    """An unknown function, and its derivatives."""
    k, phase = float(rng.uniform(0.5, 1.5)), float(rng.uniform(0, 2))
    return lambda order, x: k**order * np.sin(k * x + phase + order * np.pi / 2)


def _square(order: int, x: Array) -> Array:
    """The square, and its derivatives."""
    return [x * x, 2 * x, 0 * x + 2, 0 * x][min(order, 3)]


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
    nodes : list of Part
        Every part of all that is evaluated here: unknown losses and letters are looked up in it.
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
        By the name of its gradient, an unknown loss: ``L(Y)`` is ``sum(weights["G"] * sin(Y))``.
    unknown : dict
        The unknown elementwise functions, each with its derivatives.
    seen : dict
        The value of each part that was evaluated.
    disturb : callable, optional
        What is done to the value of each part, to see what rounding may do.
    letter_sizes : dict, optional
        What the letters of index notation run over; None until a delta asks.
    known : dict
        The computed names that were evaluated, in one pass over the given ones.
    """

    given: dict[str, Value]
    lets: Mapping[str, Let]
    sizes: Mapping[str, int]
    nodes: list[Part]
    rng: np.random.Generator
    whole: bool = False
    layout: str = Layout.SHAPE
    moves: dict[str, Value] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    seen: dict[Part, Value] = field(default_factory=dict)
    disturb: Callable[[Array], Array] | None = None
    letter_sizes: dict[str, set[int]] | None = None
    known: dict[str, Value] = field(default_factory=dict, init=False)

    def value(self, node: Part) -> Value:
        """Evaluate a formula, in a pass of its own: what was given may have changed."""
        self.known.clear()
        with np.errstate(all="ignore"):  # what is not finite is reported by whoever compares
            return self.part(node)

    def part(self, node: Part) -> Value:
        """Evaluate a part of a formula; what kind of value each part has is kept for the printer."""
        made = self.evaluate(node)
        if self.disturb:
            made = made.map(self.disturb)
        self.seen[node] = made
        return made

    def differentiates(self, node: Part) -> bool:
        """Whether evaluating a formula takes a derivative."""
        return self.uses(node, DIFFERENTIATING)

    def uses(self, node: Part, ops: tuple[str, ...]) -> bool:
        """Whether one of some operations is part of a formula, or of what its names are computed from."""
        return any(
            part.op in ops
            or (part.op == "name" and part.info in self.lets and self.uses(self.lets[part.info].formula, ops))
            for part in node.walk()
        )

    def name(self, name: str) -> Value:
        """The value of a name."""
        if name in self.given:
            return self.given[name]
        if name not in self.known:
            self.known[name] = self.bound(self.lets[name]) if name in self.lets else self.upstream(name)
        return self.known[name]

    def bound(self, let: Let) -> Value:
        """The value of a computed name."""
        value = self.part(let.formula)
        if set(value.letters) != set(let.letters) or (let.letters and not value.scalar):
            target = f"{let.name}[{','.join(let.letters)}]" if let.letters else let.name
            raise ExpressionError(f"{target} cannot be {value.describe()}: both sides must have the same free letters")
        return value_of(value.at(let.letters)[..., 0, 0], len(let.letters)) if let.letters else value

    def evaluate(self, node: Part) -> Value:
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
                return value_of(float(self.sizes[info]), 0)
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
        args = [self.part(arg) for arg in node.args]
        match node.op:
            case "entry":
                return args[0].entry(info)
            case "sum":
                return args[0].total(info)
            case "mask":
                return comparison(info, *args)
            case "call":
                return self.call(node, args)
        return OPERATIONS[node.op](*args)

    def length(self, axis: str) -> int:
        """The length of an axis such as ``n`` or ``k*l``."""
        return prod(self.sizes[letter] for letter in axis.split("*"))

    # -- Index notation -------------------------------------------------------------------------

    def delta(self, i: str, j: str) -> Value:
        """The Kronecker delta; its letters run over what they run over elsewhere."""
        if self.letter_sizes is None:  # an array that a delta is part of has a shape when that delta has one
            self.letter_sizes = self.measure(with_deltas=False)
            self.letter_sizes = self.measure(with_deltas=True)
        of_i, of_j = (self.letter_sizes.get(letter, set()) for letter in (i, j))
        found = of_i & of_j or of_i | of_j
        if len(found) != 1:
            where = f"delta[{i},{j}]: the letters"
            if not found:
                raise ExpressionError(f"{where} occur in no array")
            raise ShapeError(f"{where} run over different dimensions; rename one of them")
        (size,) = found
        return Value(np.eye(size)[..., None, None], (i, j)) if i != j else Value(np.ones((size, 1, 1)), (i,))

    def measure(self, *, with_deltas: bool) -> dict[str, set[int]]:
        """What every letter runs over: as in the arrays, or like its partner in a delta, or the dimension it names."""
        sizes: dict[str, set[int]] = {}
        for array, letters in map(indexed, self.nodes):
            if letters and (with_deltas or not self.uses(array, DELTAS)):
                for letter, length in zip(letters, self.part(array).lengths, strict=False):
                    sizes.setdefault(letter, set()).add(length)
        deltas = [node.info for node in self.nodes if node.op in DELTAS]
        for letter in flat(deltas):
            if letter in self.sizes:
                sizes.setdefault(letter, {self.sizes[letter]})
        for _ in deltas:
            for i, j in deltas:
                known = sizes.get(i) or sizes.get(j)
                if known:
                    sizes.setdefault(i, known)
                    sizes.setdefault(j, known)
        return sizes

    # -- Calculus -------------------------------------------------------------------------------

    def moved(self, node: Part, moves: Mapping[str, Value]) -> Array:
        """The derivative of a formula when names move."""

        def at(step: complex) -> Array:
            given = dict(self.given)
            for name, move in moves.items():
                here = self.name(name)
                given[name] = replace(here, array=here.array + step * move.array)
            return replace(self, given=given).part(node).array

        if not self.differentiates(node):
            return np.asarray(at(1j * STEP).imag / STEP)
        h = WIDE_STEP
        return np.asarray((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h))

    def differential(self, name: str) -> Value:
        """``dX``: a random change of a given name, or the change of a computed one that follows."""
        if name in self.moves:
            return self.moves[name]
        here = self.name(name)
        moved = self.moved(Part("name", info=name), self.moves)
        return replace(here, array=np.broadcast_to(moved, here.array.shape))

    def derivative(self, node: Part) -> Value:
        """``dY/dX``, entry by entry of X."""
        (top,), (name, letters) = node.args, node.info
        x, y = self.name(name), self.part(top)
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
        if y.scalar:
            made, axes = Value(stacked[..., 0, 0, :, :], y.letters, x.row, x.column), (0, 2)
        elif x.scalar:
            made, axes = Value(stacked[..., 0, 0], y.letters, y.row, y.column), (2, 0)
        elif y.vector and x.vector:
            made, axes = Value(stacked[..., 0, :, 0], y.letters, True, True), (1, 1)
        else:
            raise ExpressionError(
                f"the derivative of {y.describe()} by {x.describe()} is no matrix; write it with letters, as dY[i,j]/dX[a,b]"
            )
        return made if Layout(self.layout).axes(*axes) == (0, 1) else transpose(made)

    # -- Functions ------------------------------------------------------------------------------

    def call(self, node: Part, args: list[Value]) -> Value:
        """A function by name; a name that is not known is an unknown function."""
        name, options = node.info
        name = ALIASES.get(name, name)
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
        elif name[0].isupper():
            function = Function(partial(self.loss, gradient_name(node)))
        else:
            refuse_known(name)
            function = Function(partial(self.call_unknown, name))
        if len(args) != function.arguments:
            plural = "s" * (function.arguments > 1)
            raise ExpressionError(f"{name} takes {function.arguments} argument{plural}, not {len(args)}")
        for option in options:
            if option not in function.options:
                raise ExpressionError(f"{name} takes no option {option}")
        return function.apply(*args, **options)

    def loss(self, gradient: str, y: Value) -> Value:
        """An unknown loss: linear for a counterexample, else not."""
        array = y.array if self.whole else np.sin(y.array)
        return Value((self.weighted(gradient, y) * array).sum(axis=(-2, -1), keepdims=True), y.letters)

    def weighted(self, gradient: str, y: Value) -> Array:
        """The numbers that an unknown loss consists of."""
        if gradient not in self.weights:
            self.weights[gradient] = plain(self.rng, y.shape, self.whole)
        if self.weights[gradient].shape != y.shape:
            raise ShapeError(f"{gradient[2:] or 'L'} is applied to values of different shapes")
        return self.weights[gradient]

    def upstream(self, gradient: str) -> Value:
        """``G``: the gradient of the unknown loss ``L`` for its argument, ``G_K`` that of ``K``."""
        loss = gradient[2:] or "L"
        arguments = [self.part(node.args[0]) for node in self.nodes if gradient_name(node) == gradient]
        if not arguments:
            raise ExpressionError(f"{gradient} is the gradient of {loss}(...), but {loss} is applied to nothing here")
        y = arguments[0]
        if not self.disturb and any(not np.array_equal(y.array, other.array) for other in arguments[1:]):
            raise ExpressionError(f"{gradient} is ambiguous: {loss} is applied to different values")
        return replace(y, array=self.weighted(gradient, y) * (np.ones_like(y.array) if self.whole else np.cos(y.array)))

    def call_unknown(self, name: str, z: Value) -> Value:
        """An unknown elementwise function and its derivatives: a wave, or the square in whole numbers."""
        stem = name.rstrip("'")
        if stem not in self.unknown:
            self.unknown[stem] = _square if self.whole else _wave(self.rng)
        return z.map(partial(self.unknown[stem], len(name) - len(stem)))


OPERATIONS: dict[str, Callable[..., Value]] = {
    **{sign: partial(arithmetic, sign) for sign in ARITHMETIC},
    **dict.fromkeys(("group", "derived"), lambda x: x),
    "neg": methodcaller("map", np.negative),
    "^": power,
    "juxtaposed": product,
    "@": numpy_product,
    **dict.fromkeys((":", "inner"), frobenius),
    "T": transpose,
    "numpy T": numpy_transpose,
    "upright": partial(replace, upright=True),
    "inverse": inverse,
}
