"""Read printed lines back, and evaluate them: what a reader sees is what is checked.

Both readers are written against what the notations mean, not against the printers. Neither
broadcasts: in index notation every letter has one dimension, in matrix notation shapes must agree.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from .errors import ExpressionError
from .evaluate import Functions, Sizes, Table, evaluate, indices, raised, to_lists
from .expression import Shape
from .formula import split_letters
from .functions import ELEMENTWISE
from .notation import kronecker_delta
from .parse import Token, parse, tokenize

Place: TypeAlias = dict[str, int]  # what every letter stands for
Entry: TypeAlias = Callable[[Place], float]
Rows: TypeAlias = list[list[float]]


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


class Reader:
    """A text as tokens, with the world that it speaks of."""

    def __init__(self, text: str, world: World) -> None:
        self.text, self.world, self.at = text, world, 0
        self.tokens: list[Token] = tokenize(text)

    def peek(self) -> str:
        """The text of the next token."""
        return self.tokens[self.at].text

    def take(self, text: str = "") -> Token:
        """Move past a token, which must be `text` if that is given."""
        token = self.tokens[self.at]
        if text and token.text != text:
            raise ExpressionError(f"{text!r} is needed here", self.text, token.start, token.stop)
        self.at += 1
        return token

    def fail(self, message: str) -> ExpressionError:
        """An error at the next token."""
        token = self.tokens[self.at]
        return ExpressionError(message, self.text, token.start, token.stop)

    def end_of_divisor(self) -> None:
        """Refuse ``A / c B``: a reader cannot tell whether B is below as well."""
        if self.tokens[self.at].kind in ("number", "name") or self.peek() == "(":
            raise self.fail("a product after '/' is ambiguous; write (A / c) B, or A / (c B)")

    def closing(self, start: int) -> int:
        """The place of the parenthesis that closes the one at `start`."""
        depth = 0
        for at in range(start, len(self.tokens)):
            depth += {"(": 1, ")": -1}.get(self.tokens[at].text, 0)
            if depth == 0:
                return at
        raise self.fail("this parenthesis is never closed")

    def array(self, stop: int) -> tuple[Table, Shape]:
        """Evaluate the NumPy expression up to token `stop`."""
        inside = self.text[self.tokens[self.at].start : self.tokens[stop].stop]
        self.at = stop + 1
        sizes = frozenset(self.world.sizes)
        expr = parse(inside, dict(self.world.shapes), sizes)
        return evaluate(expr, self.world.tables, self.world.sizes, self.world.functions), expr.shape


class IndexReader(Reader):
    """Index notation."""

    def __init__(self, text: str, world: World, dims: dict[str, str]) -> None:
        super().__init__(text, world)
        self.dims: list[dict[str, str]] = [dims]  # innermost scope last
        self.pairs: list[tuple[str, str]] = []
        self.used: list[str] = []  # every letter, each time it occurs

    def note(self, letter: str, dim: str) -> None:
        """A letter runs over one dimension only."""
        self.used.append(letter)
        for scope in reversed(self.dims):
            if letter in scope:
                if scope[letter] not in ("", dim):
                    raise self.fail(f"the letter {letter} is {scope[letter]} and {dim}")
                scope[letter] = dim
                return
        raise self.fail(f"the letter {letter} is neither free nor summed")

    def read(self) -> Entry:
        """Read everything."""
        value = self.sum()
        if self.tokens[self.at].kind != "end":
            raise self.fail("the line should end here")
        return value

    def sum(self) -> Entry:
        """Terms with signs."""
        sign = -1 if self.peek() == "-" and self.take() else 1
        terms = [(sign, self.term())]
        while self.peek() in ("+", "-"):
            sign = 1 if self.take().text == "+" else -1
            terms.append((sign, self.term()))
        return lambda place: sum([sign * term(place) for sign, term in terms])

    def term(self) -> Entry:
        """A sum sign over everything to its right, factors, divisions."""
        factors: list[tuple[Entry, int, list[str]]] = []
        letters: list[str] = []
        self.pairs, outside = [], self.pairs
        while True:
            token = self.tokens[self.at]
            if token.kind == "name" and token.text.startswith("sum_"):
                letters = split_letters(self.take().text[4:])
                self.dims.append(dict.fromkeys(letters, ""))
            elif token.text == "/" or token.kind in ("number", "name") or token.text == "(":
                sign = -1 if token.text == "/" and self.take() else 1
                start = len(self.used)
                factor = self.power()
                factors.append((factor, sign, self.used[start:]))
                if sign < 0:
                    self.end_of_divisor()
            else:
                break
        if not factors:
            raise self.fail("a factor is needed here")
        self.match_deltas()
        tied = [letter for pair in self.pairs for letter in pair]
        self.pairs = outside
        lengths = {letter: self.world.sizes[dim] for letter, dim in self.dims.pop().items()} if letters else {}
        return sum_of_products(factors, sorted(lengths, key=lambda letter: letter not in tied), lengths)

    def match_deltas(self) -> None:
        """A letter that only deltas have runs over what its partner runs over."""
        known = {letter: dim for scope in self.dims for letter, dim in scope.items() if dim}
        for _ in self.pairs:
            for i, j in self.pairs:
                for a, b in ((i, j), (j, i)):
                    if a not in known and b in known:
                        known[a] = known[b]
                        self.note(a, known[b])

    def power(self) -> Entry:
        """A factor to a power."""
        base = self.factor()
        if self.peek() != "^":
            return base
        self.take()
        exponent = self.factor() if self.peek() != "-" else None
        if exponent is None:
            raise self.fail("a negative power is written as a division")
        return lambda place: raised(base(place), exponent(place))

    def factor(self) -> Entry:
        """A number, an entry, a function of an entry, a parenthesis."""
        token = self.tokens[self.at]
        if token.kind == "number":
            number = float(self.take().text)
            return lambda _: number
        if token.text == "(":
            return self.parenthesis()
        known = token.text in self.world.tables or token.text in self.world.sizes
        if self.tokens[self.at + 1].text == "(" and not known:
            if token.text not in ELEMENTWISE and token.text not in self.world.functions:
                table, shape = self.array(self.closing(self.at + 1))
                return self.index(table, shape) if shape else lambda _: table[()]
            self.take()
            self.take("(")
            inside = self.sum()
            self.take(")")
            function = ELEMENTWISE[token.text].value if token.text in ELEMENTWISE else self.world.functions[token.text]
            return lambda place: float(function(inside(place)))
        name = self.take().text
        if name == kronecker_delta(self.world.tables):
            return self.delta()
        if name in self.world.tables:
            table = self.world.tables[name]
            if not self.world.shapes[name]:
                return lambda _: table[()]
            return self.index(table, self.world.shapes[name])
        if name in self.world.sizes:
            size = self.world.sizes[name]
            return lambda _: float(size)
        self.at -= 1
        raise self.fail(f"unknown name {name!r}")

    def delta(self) -> Entry:
        """``delta[i,j]``."""
        self.take("[")
        i = self.take().text
        self.take(",")
        j = self.take().text
        self.take("]")
        self.pairs.append((i, j))
        self.used += [i, j]
        return lambda place: float(place[i] == place[j])

    def parenthesis(self) -> Entry:
        """A sum, a comparison, or one entry of an array, in NumPy syntax or in matrix notation."""
        start, stop = self.at, self.closing(self.at)
        if self.tokens[stop + 1].text == "[":
            try:
                return self.index(*self.array(stop))
            except ExpressionError:
                self.at = stop + 1
                inside = self.text[self.tokens[start].start : self.tokens[stop].stop]
                return self.index_matrix(read_matrix(inside, self.world))
        self.take("(")
        left = self.sum()
        if self.peek() in (">", "=="):
            sign = self.take().text
            right = self.sum()
            self.take(")")
            if sign == ">":
                return lambda place: float(left(place) > right(place))
            return lambda place: float(left(place) == right(place))
        self.take(")")
        return left

    def index(self, table: Table, shape: Shape) -> Entry:
        """Read ``[n,(i,k),0]`` and look the entry up."""
        names = self.bracket(shape)
        return lambda place: table[tuple([place[name] for name in names])]

    def index_matrix(self, rows: Rows) -> Entry:
        """Read ``[p,q]``, ``[p]``, ``[0,(q,r)]``; a vector is a column. Lengths differ, so they tell the dimensions."""
        axes, sizes = self.axes(), self.world.sizes
        dims = {length: dim for dim, length in sizes.items()}
        for axis, length in zip([*axes, []], _shape(rows)):
            if len(axis) == 1 and length in dims:
                self.note(axis[0], dims[length])
        known = {letter: dim for scope in self.dims for letter, dim in scope.items()}
        radix = [[sizes[known[letter]] for letter in axis] for axis in [*axes, []]]
        if [_product(lengths) for lengths in radix[:2]] != list(_shape(rows)):
            raise self.fail(f"a matrix with {_shape(rows)} entries has no such index")
        self.used += [letter for axis in axes for letter in axis]

        def at(place: Place, axis: int) -> int:
            number = 0
            for letter, length in zip(axes[axis], radix[axis]):
                number = number * length + place[letter]
            return number

        return lambda place: rows[at(place, 0)][at(place, 1) if len(axes) > 1 else 0]

    def axes(self) -> list[list[str]]:
        """Read the letters of an index, axis by axis."""
        self.take("[")
        axes: list[list[str]] = [[]]
        depth = 0
        while (token := self.take()).text != "]":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.kind == "name":
                axes[-1].append(token.text)
            elif token.text == "," and not depth:
                axes.append([])
        return axes

    def bracket(self, shape: Shape) -> list[str]:
        """Read the letters of an index; every axis has those of its dimension."""
        self.take("[")
        found: list[str] = []
        for at, axis in enumerate(shape):
            if at:
                self.take(",")
            if len(axis) > 1:
                self.take("(")
            for position, dim in enumerate(axis):
                if position:
                    self.take(",")
                letter = self.take().text
                self.note(letter, dim)
                found.append(letter)
            if len(axis) > 1:
                self.take(")")
            if not axis:
                self.take("0")
        self.take("]")
        return found


def read_index(text: str, world: World, letters: list[tuple[str, str]]) -> Table:
    """Evaluate a line of index notation for its free letters, given as ``(letter, dimension)``."""
    entry = IndexReader(text, world, dict(letters)).read()
    names = [letter for letter, _ in letters]
    return {index: entry(dict(zip(names, index))) for index in indices([dim for _, dim in letters], world.sizes)}


def sum_of_products(
    factors: Sequence[tuple[Entry, int, Sequence[str]]], order: Sequence[str], lengths: Mapping[str, int]
) -> Entry:  # fmt: skip
    """Sum over letters, one inside the other; what is zero already is not gone into.

    A factor comes with its sign, -1 if it divides, and with the letters it needs.
    """
    ready: list[list[tuple[Entry, int]]] = [[] for _ in range(len(order) + 1)]
    for factor, sign, needs in factors:
        ready[max([depth + 1 for depth, letter in enumerate(order) if letter in needs] or [0])].append((factor, sign))

    def total(place: Place, product: float, depth: int) -> float:
        for factor, sign in ready[depth]:
            product = product * factor(place) if sign > 0 else product / factor(place)
            if not product:
                return 0.0
        if depth == len(order):
            return product
        letter = order[depth]
        return sum([total(place | {letter: at}, product, depth + 1) for at in range(lengths[letter])])

    return lambda place: total(place, 1.0, 0)


class MatrixReader(Reader):
    """Matrix notation; values are lists of rows."""

    def read(self) -> Rows:
        """Read everything."""
        value = self.sum()
        if self.tokens[self.at].kind != "end":
            raise self.fail("the line should end here")
        return value

    def both(self, a: Rows, b: Rows, function: Callable[[float, float], float]) -> Rows:
        """Combine entry by entry; shapes agree, or one is a scalar."""
        if _shape(a) == (1, 1) != _shape(b):
            a = [[a[0][0]] * len(row) for row in b]
        if _shape(b) == (1, 1) != _shape(a):
            b = [[b[0][0]] * len(row) for row in a]
        if _shape(a) != _shape(b):
            raise self.fail(f"{_shape(a)} and {_shape(b)} entries do not match")
        return [[function(x, y) for x, y in zip(p, q)] for p, q in zip(a, b)]

    def sum(self) -> Rows:
        """Summands with signs."""
        negative = self.peek() == "-" and bool(self.take())
        value = self.frobenius()
        if negative:
            value = [[-entry for entry in row] for row in value]
        while self.peek() in ("+", "-"):
            sign = 1 if self.take().text == "+" else -1
            value = self.both(value, self.frobenius(), _signed(sign))
        return value

    def frobenius(self) -> Rows:
        """``A : B``."""
        value = self.elementwise()
        if self.peek() != ":":
            return value
        self.take()
        other = self.elementwise()
        if _shape(value) != _shape(other):
            raise self.fail(f"{_shape(value)} : {_shape(other)} entries do not match")
        return [[sum([x * y for p, q in zip(value, other) for x, y in zip(p, q)])]]

    def elementwise(self) -> Rows:
        """``A * B`` and ``A / B``."""
        value = self.product()
        while self.peek() in ("*", "/"):
            if self.take().text == "*":
                value = self.both(value, self.product(), lambda x, y: x * y)
            else:
                value = self.both(value, self.power(), lambda x, y: x / y)
                self.end_of_divisor()
        return value

    def product(self) -> Rows:
        """Matrix products, written side by side."""
        value = self.power()
        while self.tokens[self.at].kind in ("name", "number") or self.peek() == "(":
            right = self.power()
            if (1, 1) in (_shape(value), _shape(right)):
                value = self.both(value, right, lambda x, y: x * y)
            elif len(value[0]) == len(right):
                value = [
                    [sum([x * right[k][j] for k, x in enumerate(row)]) for j in range(len(right[0]))] for row in value
                ]
            else:
                raise self.fail(f"{_shape(value)} times {_shape(right)} does not conform")
        return value

    def power(self) -> Rows:
        """Transposes, inverses and powers."""
        value = self.factor()
        while self.peek() in ("^", "**"):
            elementwise = self.take().text == "**"
            if not elementwise and self.peek() == "T":
                self.take()
                value = [list(column) for column in zip(*value)]
                continue
            negative = self.peek() == "-" and bool(self.take())
            if negative and not elementwise and _shape(value) != (1, 1):
                value = self.inverse(value)
                if self.take().text == "T":
                    value = [list(column) for column in zip(*value)]
                continue
            exponent = self.factor()[0][0] * (-1 if negative else 1)
            if not elementwise and _shape(value) != (1, 1):
                raise self.fail("only a scalar has a power; ** is elementwise")
            value = [[raised(entry, exponent) for entry in row] for row in value]
        return value

    def inverse(self, value: Rows) -> Rows:
        """The inverse matrix."""
        world = World({"A": self.table(value)}, {"A": (("r",), ("c",))}, {}, {})
        return self.function("inv(A)", world._replace(shapes={"A": (("r",), ("r",))}), value)

    def table(self, value: Rows) -> Table:
        """Rows as a table."""
        return {(i, j): entry for i, row in enumerate(value) for j, entry in enumerate(row)}

    def function(self, text: str, world: World, value: Rows) -> Rows:
        """Apply a function of a matrix by its name in NumPy syntax."""
        sizes = {"r": len(value), "c": len(value[0])}
        expr = parse(text, dict(world.shapes))
        return _rows(evaluate(expr, world.tables, sizes, self.world.functions), expr.shape, sizes)

    def factor(self) -> Rows:
        """A number, ones, a name, a function, a parenthesis."""
        token = self.take()
        if token.kind == "number":
            following = self.tokens[self.at]
            if token.text == "1" and following.text.startswith("_") and following.start == token.stop:
                return [[1.0]] * self.world.sizes[self.take().text[1:]]
            return [[float(token.text)]]
        if token.text == "(":
            value = self.sum()
            if self.peek() in (">", "=="):
                greater = self.take().text == ">"
                value = self.both(value, self.sum(), lambda x, y: float(x > y if greater else x == y))
            self.take(")")
            return value
        if token.kind != "name":
            self.at -= 1
            raise self.fail("an operand is needed here")
        known = token.text in self.world.tables or token.text in self.world.sizes
        if self.peek() == "(" and token.text in ("ones", "eye"):
            return self.constant(token.text)
        if self.peek() == "(" and not known:
            return self.call(token.text)
        if token.text in self.world.tables:
            name = token.text
            return _rows(self.world.tables[name], self.world.shapes[name], self.world.sizes)
        if token.text.startswith("I_"):
            n = self.world.sizes[token.text[2:]]
            return [[float(i == j) for j in range(n)] for i in range(n)]
        if token.text in self.world.sizes:
            return [[float(self.world.sizes[token.text])]]
        self.at -= 1
        raise self.fail(f"unknown name {token.text!r}")

    def constant(self, name: str) -> Rows:
        """``ones(k*l)`` or ``eye(k*l)``, for an axis that is a product of dimensions."""
        self.take("(")
        lengths = [self.world.sizes[self.take().text]]
        while self.peek() == "*" and self.take():
            lengths.append(self.world.sizes[self.take().text])
        self.take(")")
        length = _product(lengths)
        return [[float(name == "ones" or i == j) for j in range(length if name == "eye" else 1)] for i in range(length)]

    def call(self, name: str) -> Rows:
        """A function by name."""
        self.take("(")
        args = [self.sum()]
        options = ""
        while self.peek() == ",":
            self.take()
            if self.tokens[self.at + 1].text == "=":
                options += ", " + "".join([self.take().text for _ in range(3)])
            else:
                args.append(self.sum())
        self.take(")")
        value = args[0]
        if name == "tr" and len(value) != len(value[0]):
            raise self.fail(f"the trace of a {_shape(value)} matrix")
        if name == "kron":
            b = args[1]
            return [[x * y for x in p for y in q] for p in value for q in b]
        if name in self.world.functions and name not in ELEMENTWISE and name[0].isupper():
            rank = 2 if len(value[0]) > 1 else 1
            keys = {(i, j)[:rank]: e for i, row in enumerate(value) for j, e in enumerate(row)}
            return [[self.world.functions[name](keys)]]
        column = len(value[0]) == 1 and len(value) > 1
        if _shape(value) == (1, 1):
            shape: Shape = ()
            table: Table = {(): value[0][0]}
        elif column:
            shape, table = (("r",),), {(i,): row[0] for i, row in enumerate(value)}
        else:
            square = len(value) == len(value[0])
            shape, table = (("r",), ("r",) if square else ("c",)), self.table(value)
        world = World({"A": table}, {"A": shape}, {}, {})
        return self.function(f"{name}(A{options})", world, value)


def _product(numbers: Sequence[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def _signed(sign: int) -> Callable[[float, float], float]:
    return lambda x, y: x + sign * y


def _shape(value: Rows) -> tuple[int, int]:
    return len(value), len(value[0])


def _rows(table: Table, shape: Shape, sizes: Sizes) -> Rows:
    """A table as rows; a vector is a column."""
    if not shape:
        return [[table[()]]]
    lists = to_lists(table, shape, sizes)
    if len(shape) == 1:
        return [[entry] for entry in lists]
    rows: Rows = lists
    return rows


def read_matrix(text: str, world: World) -> Rows:
    """Evaluate a line of matrix notation."""
    return MatrixReader(text, world).read()
