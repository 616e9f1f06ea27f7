"""What a printed line means: what a reader sees is what is checked.

A line of index notation or of matrix notation becomes an expression, which is evaluated entry by entry. Written
against what the notations mean, not against the printers. Neither broadcasts: in index notation every letter has
one dimension, in matrix notation shapes must agree.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from handgrad.derive.language.calls import is_loss
from handgrad.derive.language.dims import ALPHABET, Shape, flat, show_shape
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.expression import Expr, arithmetic, contract, expand, reshape
from handgrad.derive.language.formula import Part, Vocabulary, read_formula, split_letters
from handgrad.derive.language.functions import kind
from handgrad.derive.language.parse import in_numpy, known_names, typed

from .evaluate import Functions, Sizes, Table, evaluate, indices


class World(NamedTuple):
    """Numbers for everything that a line can speak of.

    Attributes
    ----------
    tables, shapes : dict
        The value and the axes of every name.
    sizes : dict
        The length of every dimension.
    functions : dict
        The unknown functions.
    """

    tables: Mapping[str, Table]
    shapes: Mapping[str, Shape]
    sizes: Sizes
    functions: Functions

    def read(self, text: str) -> Part:
        """Read a line about these names."""
        return read_formula(text, Vocabulary(self.tables, self.sizes))

    def value(self, expr: Expr) -> Table:
        """The numbers of an expression."""
        return evaluate(expr, self.tables, self.sizes, self.functions)


def read_matrix(text: str, world: World) -> tuple[Table, Shape]:
    """Evaluate a line of matrix notation."""
    expr = typed(world.read(text), text, world.shapes, world.sizes, in_matrices)
    return world.value(expr), expr.shape


def in_matrices(node: Part, args: list[Expr], names: Mapping[str, Expr]) -> Expr:
    """What one part of a formula means in matrix notation: a vector is a column, its transpose a row."""
    if node.op == "call" and node.info[0] == "kron":
        args = list(map(_standing, args))
    made = MATRICES[node.op](node, *args) if node.op in MATRICES else in_numpy(node, args, names)
    return reshape(made, without_units(made.shape))


def without_units(shape: Shape) -> Shape:
    """A column is a vector, and what has one entry a number: matrix notation does not tell them apart."""
    while shape and not shape[-1]:
        shape = shape[:-1]
    return shape


def _standing(expr: Expr) -> Expr:
    return expand(expr, 1) if len(expr.shape) == 1 else expr


def _entrywise(op: str, a: Expr, b: Expr) -> Expr:
    """Combine entry by entry; shapes agree, or one is a scalar."""
    if a.shape and b.shape and a.shape != b.shape:
        raise ExpressionError(f"{op}: {show_shape(a.shape)} and {show_shape(b.shape)} do not match")
    return arithmetic(op, a, b)


def _foreign(node: Part, *_: Expr) -> Expr:
    raise ExpressionError(f"{node.op} has no meaning in matrix notation")


def _product(_: Part, a: Expr, b: Expr) -> Expr:
    return _standing(a) @ b if a.shape and b.shape else a * b


def _power(_: Part, a: Expr, b: Expr) -> Expr:
    if a.shape:
        raise ExpressionError("only a scalar has a power; ** is elementwise")
    return _entrywise("**", a, b)


# What is not as in NumPy.
MATRICES: dict[str, Callable[..., Expr]] = {
    "T": lambda _, x: expand(x, 0) if len(x.shape) == 1 else x.T,
    "inverse": lambda _, x: x.inv() if x.shape else 1 / x,
    "juxtaposed": _product,
    ":": lambda _, a, b: _entrywise("*", a, b).sum(),
    "^": _power,
    **dict.fromkeys(["+", "-", "*", "/", "**"], lambda node, a, b: _entrywise(node.op, a, b)),
    "mask": lambda node, a, b: _entrywise(node.info, a, b),
    **dict.fromkeys(["@", "numpy T", "upright"], _foreign),
}


Indexed: TypeAlias = tuple[Expr, tuple[str, ...]]  # an array, and a letter for each of its axes
DELTAS = ("delta", "kdelta")
LETTERED = ("entry", "sum", "derivative", *DELTAS)


def read_index(text: str, world: World, letters: list[tuple[str, str]]) -> Table:
    """Evaluate a line of index notation for its free letters, given as ``(letter, dimension)``."""
    root, free = world.read(text), [letter for letter, _ in letters]
    for name in double_meanings(root.walk(inside=False)):
        raise ExpressionError(f"{name} is a letter and a length", text)
    entries = Entries(text, world)
    if not letters and of_whole_arrays(root):
        return world.value(entries.array(root))
    dims = entries.runs_over(root, dict(letters))
    expr, own = product(entries.factors(root, dims))
    for letter in own:
        if letter not in free:
            raise ExpressionError(f"the letter {letter} is neither free nor summed", text)
    if any(dims[letter] != dim for letter, dim in letters):
        raise ExpressionError(f"the letters run over {dims}", text)
    table, places = world.value(expr), [free.index(letter) for letter in own]
    every = indices([dim for _, dim in letters], world.sizes)
    return {index: table[tuple([index[at] for at in places])] for index in every}


def of_whole_arrays(root: Part) -> bool:
    """Whether a formula is made of arrays, as NumPy or matrix notation has them, and not of their entries."""
    return root.is_numpy(inside=False) or not any([part.op in LETTERED for part in root.walk()])


class Entries:
    """Index notation: a formula as an array with an axis for every letter."""

    def __init__(self, text: str, world: World) -> None:
        self.text, self.world = text, world
        self.names = known_names(world.shapes, world.sizes)
        self.arrays: dict[Part, Expr] = {}

    def array(self, node: Part, index: tuple[str, ...] = ()) -> Expr:
        """What an index is taken of: in NumPy syntax, or in matrix notation if the index does not fit."""
        if node not in self.arrays:
            try:
                made = typed(node, self.text, self.world.shapes, self.world.sizes)
                read = not index or fits(made, index)
            except ExpressionError:
                read = False
            self.arrays[node] = (
                made if read else typed(node, self.text, self.world.shapes, self.world.sizes, in_matrices)
            )
        return self.arrays[node]

    def runs_over(self, node: Part, dims: dict[str, str]) -> dict[str, str]:
        """What the letters in a formula run over: an array tells, or the partner in a delta."""
        deltas = []
        for part in node.walk(inside=False):
            if part.op == "entry":
                dims = dims | dict(zip(letters_of(part.info), flat(self.array(part.args[0], part.info).shape)))
            elif part.op in DELTAS:
                deltas += [part.info, part.info[::-1]]
        for _ in deltas:
            dims = {i: dims[j] for i, j in deltas if j in dims} | dims
        return dims

    def factors(self, node: Part, dims: dict[str, str]) -> list[Indexed]:
        """What a formula is the product of."""
        match node.op:
            case "entry":
                return [self.entry(node)]
            case "derivative":
                (top,), (name, below) = node.args, node.info
                (base,), above = (top.args, top.info) if top.op == "entry" else ((top,), ())
                return [(_apart(self.names[f"d{base.info}/d{name}"]), letters_of((*above, *(below or ()))))]
            case "delta" | "kdelta":
                return [(Expr("eye", shape=tuple([(dims[letter],) for letter in node.info])), node.info)]
            case "sum":
                (body,) = node.args
                outer = {letter: dim for letter, dim in dims.items() if letter not in node.info}
                factors = self.factors(body, self.runs_over(body, outer))
                return [product(factors, node.info)]
            case "group":
                return self.factors(node.args[0], dims)
            case "juxtaposed":
                return self.factors(node.args[0], dims) + self.factors(node.args[1], dims)
            case "/":
                below, letters = product(self.factors(node.args[1], dims))
                return [*self.factors(node.args[0], dims), (1 / below, letters)]
            case "call" if kind(node.info[0]) or is_loss(node.info[0]):
                return [(self.array(node), ())]
        operands = [product(self.factors(arg, dims)) for arg in node.args]
        letters = tuple(dict.fromkeys([letter for _, own in operands for letter in own]))
        args = [spread(operand, letters) for operand in operands]
        if node.op == "^":
            return [(arithmetic("**", *args), letters)]
        made = in_numpy(node, args, self.names)
        if len(made.shape) != len(letters):
            raise ExpressionError(f"{node.info or node.op} is no entry: it has no index", self.text)
        return [(made, letters)]

    def entry(self, node: Part) -> Indexed:
        """``X[n,(i,k),0]``: a letter for every dimension of an axis, 0 for an axis of length 1."""
        array = self.array(node.args[0], node.info)
        if not fits(array, node.info):
            raise ExpressionError(f"an index has {len(node.info)} axes, its array {len(array.shape)}", self.text)
        return _apart(array), letters_of(node.info)


def _apart(array: Expr) -> Expr:
    """An array with an axis for every dimension."""
    return reshape(array, tuple([(dim,) for dim in flat(array.shape)]))


def product(factors: list[Indexed], summed: tuple[str, ...] = ()) -> Indexed:
    """Multiply, and sum over some of the letters."""
    letters = dict.fromkeys([letter for _, own in factors for letter in own])
    for letter in summed:
        if letter not in letters:
            raise ExpressionError(f"the letter {letter} is summed, but nothing has it")
    kept = tuple([letter for letter in letters if letter not in summed])
    if len(factors) == 1 and factors[0][1] == kept:
        return factors[0]
    sign = dict(zip(letters, ALPHABET))
    rows = ["".join([sign[letter] for letter in own]) for own in [*[own for _, own in factors], kept]]
    return contract("einsum", f"{','.join(rows[:-1])}->{rows[-1]}", [array for array, _ in factors]), kept


def spread(part: Indexed, letters: tuple[str, ...]) -> Expr:
    """Give an array an axis for each of some letters, of length 1 for those that it does not have."""
    array, own = part
    if own in ((), letters):
        return array
    sign = dict(zip(own, ALPHABET))
    return contract("einsum", f"{''.join(sign.values())}->{''.join([sign.get(one, '1') for one in letters])}", [array])


def split_axis(axis: str) -> list[str]:
    """The letters of one axis of an index: of ``(ik)`` two, of ``0`` none."""
    return [] if axis == "0" else split_letters(axis.strip("()"))


def fits(array: Expr, index: tuple[str, ...]) -> bool:
    """Whether an index has a letter for every dimension of every axis."""
    return [len(axis) for axis in map(split_axis, index) if axis] == [len(axis) for axis in array.shape if axis]


def letters_of(index: Iterable[str]) -> tuple[str, ...]:
    """The letters of an index."""
    return tuple([letter for axis in index for letter in split_axis(axis)])


def double_meanings(parts: Iterable[Part]) -> list[str]:
    """In ``sum_n x[n] / n`` one ``n`` is a letter and the other a length: a reader cannot tell."""
    letters: set[str] = set()
    lengths: set[str] = set()
    for node in parts:
        if node.op in ("entry", "sum", *DELTAS):
            letters.update(letters_of(node.info))
        elif node.op == "derivative":
            letters.update(letters_of(node.info[1] or ()))
        elif node.op == "size":
            lengths.add(node.info)
    return sorted(letters & lengths)
