"""What a printed line means, in numbers: what a reader sees is what is checked.

Written against what the notations mean, not against the printers. Neither broadcasts: in index notation
every letter has one dimension, in matrix notation shapes must agree.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from .errors import ExpressionError
from .evaluate import Functions, Sizes, Table, contracted, evaluate, indices, raised, to_lists
from .expression import Shape, call, name_expr
from .formula import Node, Vocabulary, read_formula, split_letters
from .functions import ELEMENTWISE
from .parse import typed
from .terms import Letter

Place: TypeAlias = dict[str, int]  # what every letter stands for
Entry: TypeAlias = Callable[[Place], float]
Rows: TypeAlias = list[list[float]]
COMBINED: dict[str, Callable[[float, float], float]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "^": raised,
    "**": raised,
    ">": lambda x, y: float(x > y),
    # m == max(m) is asked of what two lines compute in two ways
    "==": lambda x, y: float(abs(x - y) <= 1e-13 * abs(x)),
}


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

    def read(self, text: str) -> Node:
        """Read a line about these names."""
        return read_formula(text, Vocabulary(self.tables, self.sizes))

    def array(self, node: Node, text: str) -> tuple[Table, Shape]:
        """The value of a part of a line that is in NumPy syntax."""
        expr = typed(node, text, self.shapes, self.sizes)
        return evaluate(expr, self.tables, self.sizes, self.functions), expr.shape

    def length(self, axis: str) -> int:
        """The length of an axis such as ``n`` or ``k*l``."""
        return _product([self.sizes[dim] for dim in axis.split("*")])

    def number(self, node: Node) -> float:
        """A number, or a dimension."""
        if node.op == "number":
            return float(node.info)
        if node.op == "size":
            return float(self.sizes[node.info])
        above, below = [float(self.sizes.get(part, part)) for part in node.info]
        return above / below


NUMBERS = ("number", "size", "fraction")


def read_index(text: str, world: World, letters: list[tuple[str, str]]) -> Table:
    """Evaluate a line of index notation for its free letters, given as ``(letter, dimension)``."""
    entry = Entries(text, world, dict(letters)).entry(world.read(text))
    names = [letter for letter, _ in letters]
    return {index: entry(dict(zip(names, index))) for index in indices([dim for _, dim in letters], world.sizes)}


def read_matrix(text: str, world: World) -> Rows:
    """Evaluate a line of matrix notation, as rows."""
    return Matrices(text, world).rows(world.read(text))


class Entries:
    """Index notation: a formula as a function of its letters."""

    def __init__(self, text: str, world: World, dims: dict[str, str]) -> None:
        self.text, self.world = text, world
        self.dims: list[dict[str, str]] = [dims]  # innermost scope last
        self.pairs: list[tuple[str, str]] = []  # the letters of the deltas

    def number(self, node: Node) -> float:
        """A number, or a length: its name is no letter here."""
        for scope in self.dims if node.op == "size" else ():
            if node.info in scope:
                raise ExpressionError(f"{node.info} is a letter and a length", self.text)
        return self.world.number(node)

    def note(self, letter: str, dim: str) -> None:
        """A letter runs over one dimension only."""
        for scope in reversed(self.dims):
            if letter in scope:
                if scope[letter] not in ("", dim):
                    raise ExpressionError(f"the letter {letter} is {scope[letter]} and {dim}", self.text)
                scope[letter] = dim
                return
        raise ExpressionError(f"the letter {letter} is neither free nor summed", self.text)

    def entry(self, node: Node) -> Entry:
        """What a formula is worth for a choice of the letters."""
        op = node.op
        if op in NUMBERS:
            number = self.number(node)
            return lambda _: number
        if op in ("sum", "juxtaposed", "/"):
            return self.product(node)
        if op in ("delta", "kdelta"):
            i, j = node.info
            self.pairs.append((i, j))
            return lambda place: float(place[i] == place[j])
        if op == "entry":
            return self.look_up(node.args[0], [letters_of(axis) for axis in node.info])
        if op == "name" and not self.world.shapes[node.info]:
            number = self.world.tables[node.info][()]
            return lambda _: number
        if op == "call":
            return self.call(node)
        inside = [self.entry(arg) for arg in node.args]
        if op == "group":
            return inside[0]
        if op == "neg":
            return lambda place: -inside[0](place)
        combine = COMBINED.get(node.info if op == "mask" else op)
        if combine is None:
            raise ExpressionError(f"{node.info or op} is no entry: it has no index", self.text)
        return lambda place: combine(inside[0](place), inside[1](place))

    def product(self, node: Node) -> Entry:
        """Factors and divisors, perhaps below a sum sign: a table for the letters that are not summed."""
        summed = node.info if node.op == "sum" else ()
        outside, self.pairs = self.pairs, []
        self.dims.append(dict.fromkeys(summed, ""))
        scopes = list(self.dims)
        found = [(self.entry(part), sign, sorted(free_letters(part)))
                 for part, sign in factors(node.args[0] if summed else node)]  # fmt: skip
        self.match_deltas()
        self.pairs = outside
        self.dims.pop()
        present = {letter for _, _, letters in found for letter in letters}
        lost = [letter for letter in summed if letter not in present]
        if lost:
            raise ExpressionError(f"the letter {lost[0]} is summed, but nothing has it", self.text)
        free = sorted(present - {*summed})

        @cache
        def table() -> Table:
            # Now all is read, and it is known what every letter runs over.
            known = {letter: Letter(dim) for scope in scopes for letter, dim in scope.items()}
            parts = [(self.tabulated(entry, sign, letters, known), tuple([known[l] for l in letters]))
                     for entry, sign, letters in found]  # fmt: skip
            return contracted(parts, tuple([known[l] for l in free]), self.world.sizes)

        return lambda place: table()[tuple([place[letter] for letter in free])]

    def tabulated(self, entry: Entry, sign: int, letters: list[str], known: Mapping[str, Letter]) -> Table:
        """The values of a factor, or their reciprocals, for all values of its letters."""
        places = indices([known[letter].dim for letter in letters], self.world.sizes)
        values = {index: entry(dict(zip(letters, index))) for index in places}
        return values if sign > 0 else {index: 1 / value for index, value in values.items()}

    def match_deltas(self) -> None:
        """A letter that only deltas have runs over what its partner runs over."""
        known = {letter: dim for scope in self.dims for letter, dim in scope.items() if dim}
        for _ in self.pairs:
            for i, j in self.pairs:
                for a, b in ((i, j), (j, i)):
                    if a not in known and b in known:
                        known[a] = known[b]
                        self.note(a, known[b])

    def call(self, node: Node) -> Entry:
        """An elementwise function of an entry, or a function that makes a number of an array."""
        name, _ = node.info
        function = math.sqrt if name == "sqrt" else self.world.functions.get(name)
        if name in ELEMENTWISE:
            function = ELEMENTWISE[name].value
        if function is None:
            table, shape = self.world.array(node, self.text)
            if shape:
                raise ExpressionError(f"{name}(...) is no entry: it has no index", self.text)
            return lambda _: table[()]
        inside = self.entry(node.args[0])
        return lambda place: float(function(inside(place)))

    def look_up(self, base: Node, axes: list[list[str]]) -> Entry:
        """One entry of an array: of a name, or of what is written in NumPy syntax or in matrix notation."""
        if base.op == "name":
            return self.index(self.world.tables[base.info], self.world.shapes[base.info], axes)
        try:
            return self.index(*self.world.array(base, self.text), axes)
        except ExpressionError:
            return self.index_rows(Matrices(self.text, self.world).rows(base), axes)

    def index(self, table: Table, shape: Shape, axes: list[list[str]]) -> Entry:
        """``[n,(i,k),0]``: a letter for every dimension of an axis, 0 for an axis of length 1."""
        if axes[-1:] == [[]] and len(axes) == len(shape) + 1:  # a vector is a column
            axes = axes[:-1]
        if len(axes) < len(shape):  # a column is a vector
            shape = tuple([axis for axis in shape if axis])
        if [len(axis) for axis in axes] != [len(axis) for axis in shape]:
            raise ExpressionError(f"an index has {len(axes)} axes, its array {len(shape)}", self.text)
        for axis, dims in zip(axes, shape):
            for letter, dim in zip(axis, dims):
                self.note(letter, dim)
        names = [letter for axis in axes for letter in axis]
        return lambda place: table[tuple([place[name] for name in names])]

    def index_rows(self, rows: Rows, axes: list[list[str]]) -> Entry:
        """The same for a matrix; a vector is a column. Lengths differ, so they tell the dimensions."""
        sizes = self.world.sizes
        dims = {length: dim for dim, length in sizes.items()}
        for axis, length in zip(axes, _shape(rows)):
            if len(axis) == 1 and length in dims:
                self.note(axis[0], dims[length])
        scopes = list(self.dims)
        radix: list[list[int]] = []  # filled in later: what a letter of two in one axis runs over, deltas may tell

        def at(place: Place, axis: int) -> int:
            number = 0
            for letter, length in zip(axes[axis], radix[axis]):
                number = number * length + place[letter]
            return number

        def entry(place: Place) -> float:
            if not radix:
                known = {letter: dim for scope in scopes for letter, dim in scope.items()}
                radix.extend([[sizes[known[letter]] for letter in axis] for axis in [*axes, []][:2]])
                if [_product(lengths) for lengths in radix] != list(_shape(rows)):
                    raise ExpressionError(f"a matrix with {_shape(rows)} entries has no such index", self.text)
            return rows[at(place, 0)][at(place, 1) if len(axes) > 1 else 0]

        return entry


def letters_of(axis: str) -> list[str]:
    """The letters of one axis of an index: of ``(ik)`` two, of ``0`` none."""
    return [] if axis == "0" else split_letters(axis.strip("()"))


def free_letters(node: Node) -> set[str]:
    """The letters of a formula that are not summed inside it."""
    found = {letter for arg in node.args for letter in free_letters(arg)}
    if node.op in ("entry", "delta", "kdelta"):
        found |= {letter for axis in node.info for letter in letters_of(axis)}
    return found - {*node.info} if node.op == "sum" else found


def factors(node: Node, sign: int = 1) -> Iterator[tuple[Node, int]]:
    """The factors of a product, with -1 for those that divide."""
    if node.op == "group" and node.args[0].op in ("juxtaposed", "/", "group"):
        yield from factors(node.args[0], sign)
    elif node.op in ("juxtaposed", "/"):
        yield from factors(node.args[0], sign)
        yield from factors(node.args[1], -sign if node.op == "/" else sign)
    else:
        yield node, sign


class Matrices:
    """Matrix notation: a formula as rows of numbers."""

    def __init__(self, text: str, world: World) -> None:
        self.text, self.world = text, world

    def rows(self, node: Node) -> Rows:
        """What a formula is worth."""
        op, world = node.op, self.world
        if op in NUMBERS:
            return [[world.number(node)]]
        if op == "name":
            return _rows(world.tables[node.info], world.shapes[node.info], world.sizes)
        if op == "ones":
            return [[1.0]] * world.length(node.info)
        if op == "eye":
            n = world.length(node.info)
            return [[float(i == j) for j in range(n)] for i in range(n)]
        args = [self.rows(arg) for arg in node.args]
        if op == "group":
            return args[0]
        if op == "neg":
            return [[-entry for entry in row] for row in args[0]]
        if op == "T":
            return [list(column) for column in zip(*args[0])]
        if op == "inverse":
            return self.function("inv", args[0])
        if op == "juxtaposed":
            return self.product(*args)
        if op == ":":
            return self.frobenius(*args)
        if op == "call":
            return self.call(node, args)
        if op == "^" and _shape(args[0]) != (1, 1):
            raise ExpressionError("only a scalar has a power; ** is elementwise", self.text)
        combine = COMBINED.get(node.info if op == "mask" else op)
        if combine is None:
            raise ExpressionError(f"{op} has no meaning in matrix notation", self.text)
        left, right = args
        return self.both(left, right, combine)

    def both(self, a: Rows, b: Rows, function: Callable[[float, float], float]) -> Rows:
        """Combine entry by entry; shapes agree, or one is a scalar."""
        if _shape(a) == (1, 1) != _shape(b):
            a = [[a[0][0]] * len(row) for row in b]
        if _shape(b) == (1, 1) != _shape(a):
            b = [[b[0][0]] * len(row) for row in a]
        if _shape(a) != _shape(b):
            raise ExpressionError(f"{_shape(a)} and {_shape(b)} entries do not match", self.text)
        return [[function(x, y) for x, y in zip(p, q)] for p, q in zip(a, b)]

    def product(self, a: Rows, b: Rows) -> Rows:
        """A matrix product, or a multiple."""
        if (1, 1) in (_shape(a), _shape(b)):
            return self.both(a, b, COMBINED["*"])
        if len(a[0]) != len(b):
            raise ExpressionError(f"{_shape(a)} times {_shape(b)} does not conform", self.text)
        return [[sum([x * b[k][j] for k, x in enumerate(row)]) for j in range(len(b[0]))] for row in a]

    def frobenius(self, a: Rows, b: Rows) -> Rows:
        """``A : B``."""
        if _shape(a) != _shape(b):
            raise ExpressionError(f"{_shape(a)} : {_shape(b)} entries do not match", self.text)
        return [[sum([x * y for p, q in zip(a, b) for x, y in zip(p, q)])]]

    def call(self, node: Node, args: list[Rows]) -> Rows:
        """A function by name."""
        (name, options), value = node.info, args[0]
        if name == "kron":
            return [[x * y for x in p for y in q] for p in value for q in args[1]]
        if name in self.world.functions and name not in ELEMENTWISE and name[0].isupper():
            rank = 2 if len(value[0]) > 1 else 1
            keys = {(i, j)[:rank]: e for i, row in enumerate(value) for j, e in enumerate(row)}
            return [[self.world.functions[name](keys)]]
        return self.function(name, value, options)

    def function(self, name: str, value: Rows, options: Mapping[str, Any] | None = None) -> Rows:
        """Apply a function of NumPy; a column is a vector, one number a scalar."""
        rows, columns = _shape(value)
        if name in ("tr", "inv") and rows != columns:
            raise ExpressionError(f"{name} of a {_shape(value)} matrix", self.text)
        shape: Shape = (("r",), ("r",) if rows == columns else ("c",))
        if columns == 1 and name != "inv":
            shape = (("r",),) if rows > 1 else ()
        table = {(i, j)[: len(shape)]: entry for i, row in enumerate(value) for j, entry in enumerate(row)}
        expr, sizes = call(name, [name_expr("A", shape)], dict(options or {})), {"r": rows, "c": columns}
        return _rows(evaluate(expr, {"A": table}, sizes, self.world.functions), expr.shape, sizes)


def _product(numbers: Sequence[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def _shape(value: Rows) -> tuple[int, int]:
    return len(value), len(value[0])


def _rows(table: Table, shape: Shape, sizes: Sizes) -> Rows:
    """A table as rows; a vector is a column."""
    if not shape:
        return [[table[()]]]
    lists = to_lists(table, shape, sizes)
    rows: Rows = lists if len(shape) > 1 else [[entry] for entry in lists]
    return rows
