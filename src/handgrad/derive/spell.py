"""Spell indexed terms as matrix expressions.

Factors are merged two by two: the same letters make an elementwise product, a letter that is
summed over two factors a matrix product, a lonely summed letter a sum. A partial product is a chain
that can be read in both directions, so that transposes are looked up and never derived.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from .calls import call, einsum
from .dims import Shape, flat
from .expression import Expr, arithmetic, contract, expand, number, reshape, squeeze, value_of
from .functions import MASKS
from .terms import Factor, Letters, Node, Sum, Term, grouped, linked
from .trees import numbered, postorder

Names: TypeAlias = Callable[[Node], Expr]
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Piece:
    """A partial product: up to two axes, and the chain of matrices between them."""

    def __init__(self, axes: tuple[Letters, ...], *chain: Expr) -> None:
        self.axes, self.chain = axes, chain

    def flip(self) -> "Piece":
        """The same product under the opposite order of its axes."""
        return Piece(self.axes[::-1], *map(transpose, reversed(self.chain)))

    def led_by(self, axis: Letters) -> "Piece":
        """The product with `axis` in front."""
        return self if self.axes[0] == axis else self.flip()

    def facing(self, axes: tuple[Letters, ...], *others: "Piece") -> "Piece":
        """The product as the result has its axes; if that asks for neither order, with fewer transposes."""
        if axes == self.axes:
            return self
        turned = self.flip()
        return turned if axes == turned.axes or turned.transposes(others) < self.transposes(others) else self

    def transposes(self, others: "tuple[Piece, ...]") -> int:
        """How many transposes there are if the others are led by the same axis."""
        pieces = (self, *[other.led_by(self.axes[0]) for other in others])
        return sum([1 for piece in pieces for matrix in piece.chain if matrix.op == "T"])

    def expr(self) -> Expr:
        """The product, from left to right."""
        result = self.chain[0]
        for right in self.chain[1:]:
            result = result @ right
        return result

    def applied_to(self, vector: Expr) -> Expr:
        """The product with a vector, from right to left: matrix products are dearer."""
        for matrix in reversed(self.chain):
            vector = matrix @ vector
        return vector


def transpose(expr: Expr) -> Expr:
    """The transpose; of a transpose, the matrix itself; of ``X * v[:, None]``, ``X.T * v``."""
    op, args = expr.op, expr.args
    if op == "T":
        return args[0]
    if op in ("*", "/") and len(args[0].shape) == 2 and (args[1].op, args[1].info) == ("expand", 1):
        return arithmetic(op, transpose(args[0]), args[1].args[0])
    is_diagonal = op == "diag" and len(args[0].shape) == 1
    if expr.symmetric or is_diagonal or len(expr.shape) < 2:
        return expr
    inside = _transposed_inside(expr) if expr.size < SHORT else None
    return inside if inside and _transposes(inside) <= _transposes(expr) else expr.T


SHORT = 40  # parts: of what is longer, only the whole is transposed


def _transposed_inside(expr: Expr) -> Expr | None:
    """``(A + B.T).T`` as ``A.T + B``, ``(A @ B.T).T`` as ``B @ A.T``."""
    if expr.op not in ("@", *ENTRYWISE) or len(expr.args[0].shape) != 2:
        return None
    parts = [transpose(arg) if len(arg.shape) != 1 else as_column(arg) for arg in expr.args]
    return parts[1] @ parts[0] if expr.op == "@" else _with(expr, parts)


def _transposes(expr: Expr) -> int:
    return sum([1 for part in postorder([expr]) if part.op == "T"])


def multiply(a: Expr, b: Expr) -> Expr:
    """An elementwise product; reciprocals become divisions, and a divisor stays behind what is multiplied."""
    for first, second in ((a, b), (b, a)):
        exponent = value_of(second.args[1]) if second.op == "**" else None
        if exponent is not None and exponent < 0:
            base = second.args[0]
            return first / (base if exponent == -1 else base**-exponent)
    if a.op == "/" and a.shape and b.shape:
        return multiply(a.args[0], b) / a.args[1]
    if a.op == b.op == "@" and a.size == b.size:
        which, _ = numbered([a, b])
        if which[id(a)] == which[id(b)]:
            return a**2
    return a * b


def as_column(v: Expr) -> Expr:
    """``v[:, None]``; what was a column, or is made of sums over rows, keeps its axis instead."""
    standing = _standing(v, 1)
    if standing is not None and (_stood(v) or all([part.op != "expand" for part in postorder([standing])])):
        return standing
    return expand(v, 1)


def ratio(value: float) -> tuple[float, int]:
    """Write a number as it is if it is short, else as a fraction if it is one."""
    if value == int(value):
        return int(value), 1
    if len(repr(value)) > 4:
        for below in range(2, 101):
            if value * below == int(value * below):
                return int(value * below), below
    return value, 1


def spell(value: Sum, names: Names) -> Expr:
    """Spell a sum of terms as an expression of the same shape.

    Parameters
    ----------
    value : Sum
        The terms.
    names : callable
        Gives the expression that stands for a node.

    Returns
    -------
    Expr
    """
    if not value.terms:
        return Expr("zeros", shape=value.shape) if value.shape else number(0)
    axes = tuple([axis for axis in value.axes if axis])
    whole = value.shape
    shape = tuple([axis for axis in whole if axis])
    alone = shape if len(value.terms) == 1 else None
    terms = value.terms
    if len(terms) == 2 and terms[0][0] < 0 < terms[1][0] and not terms[1][1]:  # 1 - a
        terms = terms[::-1]
    result = added([(term[0], _spell_term(term, axes, names, alone)) for term in terms])
    if result.shape != shape:
        result = _fill(result, shape)
    return result if shape == whole else _unit_axes(result, value)


def added(parts: Sequence[tuple[float, Expr]]) -> Expr:
    """A sum of parts, each with a number that says its sign."""
    sign, total = parts[0]
    total = total if sign > 0 else -total
    for sign, part in parts[1:]:
        total = total + part if sign > 0 else total - part
    return total


def _fill(part: Expr, shape: Shape) -> Expr:
    """Repeat an array along the axes that it does not have."""
    if not part.shape:
        ones = Expr("ones", shape=shape)
        return ones if part.info == 1 else multiply(part, ones)
    if len(part.shape) == 1:
        return call("outer", [Expr("ones", shape=shape[:1]), part])
    column = squeeze(part, 1) if part.op != "expand" else part.args[0]
    if part.op in ("sum", "mean"):
        column = contract(part.op, part.row[:-1], part.args, (1, False))
    return call("outer", [column, Expr("ones", shape=shape[1:])])


def _unit_axes(expr: Expr, value: Sum) -> Expr:
    """Put the axes of length 1 back."""
    if expr.op == "number":
        return _fill(expr, value.shape)
    if len(value.shape) != 2 or len(expr.shape) != 1:
        return reshape(expr, value.shape)
    axis = 0 if not value.shape[0] else 1
    return _standing(expr, axis) or expand(expr, axis)


def _standing(v: Expr, axis: int) -> Expr | None:
    """A vector as the column or row that it was made from: ``(A @ x[:, 0])[:, None]`` is ``A @ x``."""
    if len(v.shape) != 1:
        return None if v.shape else v
    if v.op == "squeeze":
        return v.args[0] if v.info == axis else transpose(v.args[0])
    if v.op in ("sum", "mean") and v.info == (axis, False):
        return contract(v.op, v.row + "1" if axis else v.row.replace("->", "->1"), v.args, (axis, True))
    if v.op == "@":
        vector, matrix = sorted(v.args, key=lambda arg: len(arg.shape))
        inner = _standing(vector, axis)
        if inner is None or (vector is v.args[0] and axis):
            return None
        if axis:
            return matrix @ inner
        turned = matrix if vector is v.args[0] else transpose(matrix)
        return inner @ turned if turned.op != "T" or matrix.op == "name" else None
    if v.op not in ENTRYWISE:
        return None
    standing = [_standing(arg, axis) for arg in v.args]
    if all([part is None or not part.shape for part in standing]):
        return None
    # Beside a column a vector becomes one; beside a row it is one.
    return _with(v, [part or (as_column(arg) if axis else arg) for part, arg in zip(standing, v.args)])


ENTRYWISE = ("+", "-", "*", "/", "**", "neg")


def _with(v: Expr, parts: list[Expr]) -> Expr:
    """The same arithmetic on other operands."""
    return -parts[0] if v.op == "neg" else arithmetic(v.op, *parts)


def _lying(m: Expr, axis: int) -> Expr | None:
    """A column or a row as the vector that it was made from: ``X.sum(axis=1, keepdims=True)[:, 0]``."""
    if not m.shape or (m.op == "expand" and m.info == axis):
        return m.args[0] if m.op == "expand" else m
    if m.op in ("sum", "mean") and m.info == (axis, True):
        return contract(m.op, m.row[:-1] if axis else m.row.replace("->1", "->"), m.args, (axis, False))
    if m.op not in ENTRYWISE:
        return None
    parts = [part for arg in m.args if (part := _lying(arg, axis)) is not None]
    return _with(m, parts) if len(parts) == len(m.args) else None


def _spell_term(
    term: Term, axes: tuple[Letters, ...], names: Names, shape: Shape | None, apart: bool = False
) -> Expr:  # fmt: skip
    """One term without its sign; unless it must have a `shape`, broadcasting may supply an axis.

    Axes that are products of dimensions stay together if they can, else they are taken `apart`.
    """
    coefficient, factors = term
    pieces = _merge(_pieces(factors, axes, names, apart), axes)
    main: Expr | None = None
    scalars: list[Expr] = []
    if pieces is None:
        main = _reshaped(factors, axes, names)
    if pieces is None and main is None:
        scalars = [entry_expr(factor, names) for factor in factors if not factor[1]]
        arrays = [f for f in factors if f[1]]
        main = as_kron(arrays, axes, names) or as_einsum(arrays, axes, names)
    elif pieces is not None:
        scalars = [piece.expr() for piece in pieces if not piece.axes]
        for piece in pieces:
            if len(piece.axes) == 2:
                main = piece.led_by(axes[0]).expr()
            elif piece.axes:
                main = piece.expr()
                if len(axes) == 2 and piece.axes[0] == axes[0]:
                    main = as_column(main)
    if shape is not None and (main.shape if main else ()) != shape:
        main = _fill(main or number(1), shape)
    return scaled(coefficient, scalars, main)


def scaled(coefficient: float, scalars: list[Expr], main: Expr | None) -> Expr:
    """An array times numbers: those that divide below one line, the signless coefficient in front."""
    above, below = ratio(abs(coefficient))
    over = [s for s in scalars if not _is_reciprocal(s)] + ([main] if main else [])
    if above != 1 or all(map(_is_reciprocal, over)):
        over = [number(above), *over]
    under = [multiply(number(1), s).args[1] for s in scalars if _is_reciprocal(s)]
    if below != 1:
        under = [number(below), *under]
    result = _product(over)
    return result / _product(under) if under else result


def _reshaped(factors: tuple[Factor, ...], axes: tuple[Letters, ...], names: Names) -> Expr | None:
    """A product under other axes: letters stay together as they are in a factor, or each is by itself."""
    letters = flat(axes)
    merged = [axis for factor in factors for axis in split(factor) if len(axis) > 1]
    for other, apart in ((_regrouped(letters, merged), False), ([(letter,) for letter in letters], True)):
        if _merge(_pieces(factors, tuple(other), names, apart), tuple(other)) is not None:
            return reshape(_spell_term((1, factors), tuple(other), names, _dims(other), apart), _dims(axes))
    return None


def _product(parts: list[Expr]) -> Expr:
    if len(parts) > 2 and parts[0].op == "number" and parts[1].op == "@":  # 2 * (a @ b) * c
        return multiply(parts[0], _product(parts[1:]))
    result = parts[0]
    for part in parts[1:]:
        result = multiply(result, part)
    return result


def _is_reciprocal(expr: Expr) -> bool:
    exponent = value_of(expr.args[1]) if expr.op == "**" else None
    return exponent is not None and exponent < 0


def _clash(axes: Iterable[Letters]) -> bool:
    """Whether one letter is in two different axes."""
    found: dict[object, Letters] = {}
    return any([found.setdefault(letter, axis) != axis for axis in axes for letter in axis])


def split(factor: Factor) -> list[Letters]:
    """The letters of a factor, axis by axis."""
    return [axis for axis in grouped(factor[0], factor[1]) if axis]


def entry_expr(factor: Factor, names: Names) -> Expr:
    """The array of a factor, without axes of length 1, to its power."""
    node, _, power = factor
    if node.op == "delta":
        eye = Expr("eye", shape=node.shape)
        eye.symmetric = True
        return eye
    expr = names(node)
    expr.symmetric = node.symmetric
    if len(node.shape) > 2 and () in node.shape:
        expr = reshape(expr, tuple([axis for axis in node.shape if axis]))
    for axis in (1, 0):
        if expr.shape[axis:] and not expr.shape[axis]:
            expr = _lying(expr, axis) or squeeze(expr, axis)
    return expr if power == 1 else expr**power


def _pieces(factors: tuple[Factor, ...], axes: tuple[Letters, ...], names: Names, apart: bool) -> list[Piece] | None:
    if len(axes) > 2:
        return None
    owns = [split(factor) for factor in factors]
    merged = [axis for own in (axes, *owns) for axis in own if len(axis) > 1]
    if merged or apart:
        owns = [_regrouped(factor[1], [] if apart else merged) for factor in factors]
        if _clash([*axes, *[axis for own in owns for axis in own]]):
            return None
    pieces = []
    for factor, own in zip(factors, owns):
        if len(own) > 2:
            return None
        expr = entry_expr(factor, names)
        if merged or apart:
            expr = reshape(expr, _dims(own))
        if len(own) == 2 and own[0] == own[1]:
            base, *rest = expr.args if expr.op == "**" else (expr,)  # only what stands on the diagonal is raised
            diagonal = call("diag", [base])
            own, expr = own[:1], arithmetic("**", diagonal, *rest) if rest else diagonal
        pieces.append(Piece(tuple(own), expr))
    return sorted(pieces, key=lambda piece: _is_reciprocal(piece.chain[0]) or piece.chain[0].info in MASKS)


def _dims(axes: Iterable[Letters]) -> Shape:
    """What the letters of axes run over."""
    return tuple([tuple([letter.dim for letter in axis]) for axis in axes])


def _regrouped(letters: Letters, merged: list[Letters]) -> list[Letters]:
    """Letters as axes: together what is one axis elsewhere, each by itself otherwise."""
    here = next((axis for axis in merged if letters[: len(axis)] == axis), letters[:1])
    return [here, *_regrouped(letters[len(here) :], merged)] if letters else []


def _merge(pieces: list[Piece] | None, axes: tuple[Letters, ...]) -> list[Piece] | None:
    """Merge until at most one array is left, beside scalars; None if there is no such way."""
    while pieces is not None:
        arrays = [piece for piece in pieces if piece.axes]
        if len(arrays) <= 1 and not [axis for piece in arrays for axis in piece.axes if axis not in axes]:
            return pieces
        # how often an axis occurs; an axis of the result occurs outside as well
        uses = dict.fromkeys(axes, OUTSIDE)
        for piece in arrays:
            for axis in piece.axes:
                uses[axis] = uses.get(axis, 0) + 1
        pieces = _sum_lonely(pieces, uses) or _join_two(pieces, axes, uses)
    return None


OUTSIDE = 100
Uses: TypeAlias = dict[Letters, int]


def _join_two(pieces: list[Piece], axes: tuple[Letters, ...], uses: Uses) -> list[Piece] | None:
    """Put two factors together, in the first way that fits."""
    arrays = [piece for piece in pieces if piece.axes]
    pairs = [(first, second, len(first.axes) + len(second.axes)) for at, first in enumerate(arrays)
             for second in arrays[at + 1 :]]  # fmt: skip
    for join, counts in JOINS:
        for first, second, count in pairs:
            joined = join(first, second, axes, uses) if count in counts else None
            if joined is not None:
                return [joined if piece is first else piece for piece in pieces if piece is not second]
    return None


def _sum_lonely(pieces: list[Piece], uses: Uses) -> list[Piece] | None:
    """``sum_j A[i,j]``: a summed letter that no other factor has."""
    if 1 not in uses.values():
        return None
    for piece in pieces:
        lonely = [axis for axis in piece.axes if uses[axis] == 1]
        if not lonely:
            continue
        dims = [letter.dim for letter in flat(lonely)]
        counts = [_count_of(dim, dims.count(dim), pieces) for dim in dict.fromkeys(dims)]
        diagonal = piece.chain[0].op == "diag"
        op, used = ("mean", counts) if all(counts) and not diagonal else ("sum", [])
        # No chain has such a letter: it was summed before the chain was made.
        if len(lonely) == len(piece.axes):
            whole = piece.expr()
            if _stood(whole):
                whole = _standing(whole, 1) or whole
            whole = whole.args[0] if whole.op == "T" else whole
            new = Piece((), call("trace", list(piece.chain[0].args)) if diagonal else call(op, [whole]))
        else:
            position = piece.axes.index(lonely[0])
            new = Piece((piece.axes[1 - position],), call(op, [piece.expr()], {"axis": position}))
        return [new if other is piece else other for other in pieces if other not in used]
    return None


def _count_of(dim: str, times: int, pieces: list[Piece]) -> Piece | None:
    """The piece that divides by the length of a dimension, perhaps squared: with it a sum is a mean."""
    for piece in pieces:
        expr = piece.chain[0]
        if _is_reciprocal(expr) and value_of(expr.args[1]) == -times and expr.args[0].info == dim and not piece.axes:
            return piece if expr.args[0].op == "size" else None
    return None


def _elementwise(a: Piece, b: Piece, axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``A[i,j] B[i,j]``, unless both letters are summed: that is a trace."""
    if b.axes not in (a.axes, a.axes[::-1]) or all([uses[axis] == 2 for axis in a.axes]):
        return _dot(a, b, uses)
    if len(a.axes) == 2:
        a = a.facing(axes, b)
    return Piece(a.axes, multiply(a.expr(), b.led_by(a.axes[0]).expr()))


def _dot(a: Piece, b: Piece, uses: Uses) -> Piece | None:
    if a.axes != b.axes or len(a.axes) != 1 or uses[a.axes[0]] != 2:
        return None
    left, right = a.expr(), b.expr()
    if _is_reciprocal(right):
        return Piece((), call("sum", [multiply(left, right)]))
    if left.op == "@" and right.op != "@":
        left, right = right, left
    if left.op == "*" and len(left.args[0].shape) == len(left.args[1].shape) == 1 and right.op != "@":
        return Piece((), call("sum", [multiply(left, right)]))  # three vectors have no pair that comes first
    column = _standing(multiply(left, right), 1) if _stood(left) and _stood(right) else None
    if column is not None:
        return Piece((), call("sum", [column]))
    if right.op == "@" and len(right.args[0].shape) == 2 and right.args[0].size == 1:  # x @ A @ x
        return Piece((), left @ right.args[0] @ right.args[1])
    return Piece((), left @ right)


def _apply_as_it_is(a: Piece, b: Piece, axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``sum_j A[i,j] v[j]`` without a transpose."""
    matrix, vector = (a, b) if len(a.axes) > len(b.axes) else (b, a)
    return _apply(a, b, axes, uses) if matrix.axes[-1] == vector.axes[0] else None


def _apply(a: Piece, b: Piece, _axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``sum_j A[i,j] v[j]``."""
    matrix, vector = (a, b) if len(a.axes) > len(b.axes) else (b, a)
    if vector.axes[0] not in matrix.axes or uses[vector.axes[0]] > 2:
        return None
    at = matrix.axes.index(vector.axes[0])
    if _is_reciprocal(vector.chain[0]) and matrix.chain[0].op == "*":  # (G * X / r[:, None]).sum(axis=0)
        v = vector.expr() if at else as_column_power(vector.expr())
        return Piece((matrix.axes[1 - at],), call("sum", [multiply(matrix.expr(), v)], {"axis": at}))
    matrix = matrix if at else matrix.flip()
    return Piece(matrix.axes[:1], matrix.applied_to(vector.expr()))


def _chain(a: Piece, b: Piece, _axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``sum_j A[i,j] B[j,k]``."""
    shared = [axis for axis in a.axes if axis in b.axes]
    if len(shared) != 1 or uses[shared[0]] > 2:
        return None
    left, right = a.led_by(shared[0]).flip() if a.axes[1] != shared[0] else a, b.led_by(shared[0])
    return Piece((left.axes[0], right.axes[1]), *left.chain, *right.chain)


def _scale(a: Piece, b: Piece, axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``v[i] A[i,j]``: the rows or columns of a matrix, each times a number."""
    matrix, vector = (a, b) if len(a.axes) > len(b.axes) else (b, a)
    if vector.axes[0] not in matrix.axes:
        return None
    if matrix.chain[0].op == "eye":
        return Piece(matrix.axes, call("diag", [vector.expr()]))
    facing = matrix.facing(axes)
    v = vector.expr() if facing.axes[1] == vector.axes[0] else as_column_power(vector.expr())
    return Piece(facing.axes, multiply(facing.expr(), v) if matrix is a else multiply(v, facing.expr()))


def as_column_power(v: Expr) -> Expr:
    """A column, with its exponent outside, where `multiply` looks for it."""
    return as_column(v.args[0]) ** v.args[1] if _is_reciprocal(v) else as_column(v)


def _close(a: Piece, b: Piece, _axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``sum_ij A[i,j] B[i,j]``: a sum over products, or the trace of a longer chain."""
    if set(a.axes) != set(b.axes):
        return None
    chain = Piece(a.axes, *a.chain, *b.led_by(a.axes[1]).chain)
    chain = min(chain, chain.flip(), key=lambda one: one.transposes(()))
    mine, others, short = a.transposes((b,)), chain.transposes(()), [len(a.chain), len(b.chain)]
    side_by_side = mine < others or mine == others > 0
    if short == [1, 1] or (1 in short and side_by_side):
        return Piece((), call("sum", [multiply(a.expr(), b.led_by(a.axes[0]).expr())]))
    return Piece((), call("trace", [chain.expr()]))


def _outer(a: Piece, b: Piece, axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``u[i] v[j]``."""
    if {a.axes[0], b.axes[0]} != set(axes):
        return None
    rows, columns = [piece.expr() for piece in ((a, b) if a.axes[0] == axes[0] else (b, a))]
    column = _standing(rows, 1) if _stood(rows) and _stood(columns) else None
    row, other = _standing(columns, 0), _standing(columns, 1)
    row = other.T if row is None and other is not None else row
    if column is not None and row is not None:
        return Piece(axes, column @ row)
    return Piece(axes, call("outer", [rows, columns]))


def _stood(v: Expr) -> bool:
    """Whether a vector was taken out of a column or a row."""
    return any([part.op == "squeeze" for part in postorder([v])])


# Each way to put two factors together, with the number of axes that the two have.
Join: TypeAlias = Callable[[Piece, Piece, tuple[Letters, ...], Uses], Piece | None]
JOINS: tuple[tuple[Join, tuple[int, ...]], ...] = (
    (_elementwise, (2, 4)),
    (_apply_as_it_is, (3,)),
    (_apply, (3,)),
    (_chain, (4,)),
    (_scale, (3,)),
    (_close, (4,)),
    (_outer, (2,)),
)


def separated(factors: Iterable[Factor], sides: Sequence[Letters]) -> list[tuple[Factor, ...]] | None:
    """The factors that have to do with each of two groups of letters; None if some have to do with both."""
    parts: list[tuple[Factor, ...]] = [(), ()]
    for group in linked(factors):
        letters = {letter for _, own, _ in group for letter in own}
        here = [at for at in (0, 1) if letters.intersection(sides[at])] or [0]
        if len(here) > 1:
            return None
        parts[here[0]] += tuple(group)
    return parts


def as_kron(factors: list[Factor], axes: tuple[Letters, ...], names: Names) -> Expr | None:
    """``A[i,j] B[k,l]`` with the axes (i,k) and (j,l)."""
    if [len(axis) for axis in axes] != [2, 2]:
        return None
    sides = list(zip(*axes))
    parts = separated(factors, sides)
    if parts is None:
        return None
    made = [spell(Sum([(i,), (j,)], [(1, part)]), names) for (i, j), part in zip(sides, parts)]
    return Expr("eye", shape=_dims(axes)) if all(part.op == "eye" for part in made) else call("kron", made)


def as_einsum(factors: list[Factor], axes: tuple[Letters, ...], names: Names) -> Expr:
    """What has no spelling with matrices keeps its letters."""
    letter: dict[object, str] = {}
    for part in [*axes, *(letters for _, letters, _ in factors)]:
        for one in part:
            if one not in letter:
                taken = letter.values()
                letter[one] = next(c for c in one.dim[0] + ALPHABET if c.isalpha() and c not in taken)
    rows, args = [], []
    for factor in factors:
        expr = entry_expr(factor, names)
        apart = tuple((dim,) for dim in flat(expr.shape))
        args.append(expr if expr.shape == apart else reshape(expr, apart))
        rows.append("".join(letter[one] for one in factor[1]))
    free = flat(axes)
    for one in free:
        if not any(letter[one] in row for row in rows):
            args.append(Expr("ones", shape=((one.dim,),)))
            rows.append(letter[one])
    if not args:
        return number(1)
    row = ",".join(rows) + "->" + "".join(letter[one] for one in free)
    made = einsum(row, args) if row != f"{rows[0]}->{rows[0]}" else args[0]
    return reshape(made, _dims(axes))
