"""Merge the factors of a term two by two until one array is left: which sum is which product.

The same letters make an elementwise product, a letter that is summed over two factors a matrix product, a
lonely summed letter a sum. A partial product is a chain that can be read in both directions, so that
transposes are looked up and never derived.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import matmul
from typing import TypeAlias

from handgrad.derive.engine.terms import Letters
from handgrad.derive.language.calls import call
from handgrad.derive.language.dims import flat
from handgrad.derive.language.expression import Expr, in_any_order

from .columns import as_column, is_reciprocal, multiply, standing, stood, transpose


class Piece:
    """A partial product: up to two axes, and the chain of matrices between them.

    A vector that is `leading` was written in front, ``x @ W``, and stays there. The `core` is what a gradient
    starts from: its place in the chain, and whether it is transposed there.
    """

    def __init__(
        self, axes: tuple[Letters, ...], *chain: Expr, leading: bool = False, core: tuple[int, bool] | None = None
    ) -> None:
        self.axes, self.chain, self.leading, self.core = axes, chain, leading, core

    def flip(self) -> "Piece":
        """The same product under the opposite order of its axes."""
        core = self.core and (len(self.chain) - 1 - self.core[0], not self.core[1])
        return Piece(self.axes[::-1], *map(transpose, reversed(self.chain)), core=core)

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
        """The product, from left to right; around a core as backpropagation goes: ``X.T @ (G @ W.T)``."""
        at, turned = self.core or (0, False)
        head, tail = self.chain[: at + turned], self.chain[at + turned :]
        if not head or len(tail) < 2:
            return reduce(matmul, self.chain)
        return in_any_order(reduce(matmul, head), reduce(matmul, tail))

    def applied_to(self, vector: Expr) -> Expr:
        """The product with a vector, from right to left: matrix products are dearer."""
        for matrix in reversed(self.chain):
            vector = matrix @ vector
        return vector


def merge(pieces: list[Piece] | None, axes: tuple[Letters, ...]) -> list[Piece] | None:
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
    piece = next(piece for piece in pieces if any([uses[axis] == 1 for axis in piece.axes]))
    lonely = [axis for axis in piece.axes if uses[axis] == 1]
    dims = [letter.dim for letter in flat(lonely)]
    diagonal = piece.chain[0].op == "diag"
    averaged = None if diagonal else _divided_once_less(pieces, dims)
    op, pieces = ("sum", pieces) if averaged is None else ("mean", averaged)
    # No chain has such a letter: it was summed before the chain was made.
    if len(lonely) == len(piece.axes):
        whole = piece.expr()
        if stood(whole):
            whole = standing(whole, 1) or whole
        whole = whole.args[0] if whole.op == "T" else whole
        new = Piece((), call("trace", list(piece.chain[0].args)) if diagonal else call(op, [whole]))
    else:
        position = piece.axes.index(lonely[0])
        summed = call(op, [piece.expr()], {"axis": position})
        new = Piece((piece.axes[1 - position],), summed, leading=piece.leading)
    return [new if other is piece else other for other in pieces]


def _divided_once_less(pieces: list[Piece], dims: Sequence[str]) -> list[Piece] | None:
    """The pieces without one division by each length, with which a sum is a mean; None if there is none."""
    for dim in dims:
        found = [piece for piece in pieces if _divides(piece, dim)]
        if not found:
            return None
        length, exponent = found[0].chain[0].args
        rest = [] if exponent.info == -1 else [Piece((), length ** (exponent.info + 1))]
        pieces = [piece for piece in pieces if piece is not found[0]] + rest
    return pieces


def _divides(piece: Piece, dim: str) -> bool:
    """Whether a piece is one over the length of a dimension, or over a power of it."""
    expr = piece.chain[0]
    if not is_reciprocal(expr):
        return False
    length, exponent = expr.args
    return (length.op, length.info) == ("size", dim) and exponent.info <= -1


def _elementwise(a: Piece, b: Piece, axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``A[i,j] B[i,j]``, unless both letters are summed: that is a trace."""
    if b.axes not in (a.axes, a.axes[::-1]) or all([uses[axis] == 2 for axis in a.axes]):
        return _dot(a, b, uses)
    if len(a.axes) == 2:
        a = a.facing(axes, b)
    b = b.led_by(a.axes[0])
    core = a.core or b.core
    return Piece(a.axes, multiply(a.expr(), b.expr()), core=core and (0, core[1]))


def _dot(a: Piece, b: Piece, uses: Uses) -> Piece | None:
    if a.axes != b.axes or len(a.axes) != 1 or uses[a.axes[0]] != 2:
        return None
    left, right = a.expr(), b.expr()
    if is_reciprocal(right):
        return Piece((), call("sum", [multiply(left, right)]))
    if left.op == "@" and right.op != "@":
        left, right = right, left
    if left.op == "*" and len(left.args[0].shape) == len(left.args[1].shape) == 1 and right.op != "@":
        return Piece((), call("sum", [multiply(left, right)]))  # three vectors have no pair that comes first
    column = standing(multiply(left, right), 1) if stood(left) and stood(right) else None
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
    if is_reciprocal(vector.chain[0]) and matrix.chain[0].op == "*":  # (G * X / r[:, None]).sum(axis=0)
        v = vector.expr() if at else as_column_power(vector.expr())
        return Piece((matrix.axes[1 - at],), call("sum", [multiply(matrix.expr(), v)], {"axis": at}))
    if vector.leading and not at:
        return Piece(matrix.axes[1:], vector.expr() @ matrix.expr(), leading=True)
    matrix = matrix if at else matrix.flip()
    return Piece(matrix.axes[:1], matrix.applied_to(vector.expr()))


def _chain(a: Piece, b: Piece, _axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``sum_j A[i,j] B[j,k]``."""
    shared = [axis for axis in a.axes if axis in b.axes]
    if len(shared) != 1 or uses[shared[0]] > 2:
        return None
    left, right = a.led_by(shared[0]).flip() if a.axes[1] != shared[0] else a, b.led_by(shared[0])
    core = left.core or (right.core and (right.core[0] + len(left.chain), right.core[1]))
    return Piece((left.axes[0], right.axes[1]), *left.chain, *right.chain, core=core)


def _chain_as_it_is(a: Piece, b: Piece, axes: tuple[Letters, ...], uses: Uses) -> Piece | None:
    """``sum_j A[i,j] B[j,k]`` without a transpose."""
    fits = axes and (a.axes[1] == b.axes[0] or b.axes[1] == a.axes[0])  # in a trace any order fits
    return _chain(a, b, axes, uses) if fits else None


def _scale(a: Piece, b: Piece, axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``v[i] A[i,j]``: the rows or columns of a matrix, each times a number."""
    matrix, vector = (a, b) if len(a.axes) > len(b.axes) else (b, a)
    if vector.axes[0] not in matrix.axes:
        return None
    if matrix.chain[0].op == "eye":
        return Piece(matrix.axes, call("diag", [vector.expr()]))
    facing = matrix.facing(axes)
    v = vector.expr() if facing.axes[1] == vector.axes[0] else as_column_power(vector.expr())
    made = multiply(facing.expr(), v) if matrix is a else multiply(v, facing.expr())
    return Piece(facing.axes, made, core=facing.core and (0, facing.core[1]))


def as_column_power(v: Expr) -> Expr:
    """A column, with its exponent outside, where `multiply` looks for it."""
    return as_column(v.args[0]) ** v.args[1] if is_reciprocal(v) else as_column(v)


def _close(a: Piece, b: Piece, _axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``sum_ij A[i,j] B[i,j]``: a sum over products, or the trace of a longer chain."""
    if set(a.axes) != set(b.axes):
        return None
    chain = Piece(a.axes, *a.chain, *b.led_by(a.axes[1]).chain)
    chain = min(chain, chain.flip(), key=lambda one: one.transposes(()))
    mine, others, short = a.transposes((b,)), chain.transposes(()), [len(a.chain), len(b.chain)]
    side_by_side = mine < others or mine == others > 0
    if (short == [1, 1] and mine <= others) or (1 in short and side_by_side):
        return Piece((), call("sum", [multiply(a.expr(), b.led_by(a.axes[0]).expr())]))
    return Piece((), call("trace", [chain.expr()]))


def _outer(a: Piece, b: Piece, axes: tuple[Letters, ...], _uses: Uses) -> Piece | None:
    """``u[i] v[j]``."""
    if {a.axes[0], b.axes[0]} != set(axes):
        return None
    rows, columns = [piece.expr() for piece in ((a, b) if a.axes[0] == axes[0] else (b, a))]
    column = standing(rows, 1) if stood(rows) and stood(columns) else None
    row, other = standing(columns, 0), standing(columns, 1)
    row = other.T if row is None and other is not None else row
    if column is not None and row is not None:
        return Piece(axes, column @ row)
    return Piece(axes, call("outer", [rows, columns]))


# Each way to put two factors together, with the number of axes that the two have.


Join: TypeAlias = Callable[[Piece, Piece, tuple[Letters, ...], Uses], Piece | None]


JOINS: tuple[tuple[Join, tuple[int, ...]], ...] = (
    (_elementwise, (2, 4)),
    (_apply_as_it_is, (3,)),
    (_apply, (3,)),
    (_chain_as_it_is, (4,)),
    (_chain, (4,)),
    (_scale, (3,)),
    (_close, (4,)),
    (_outer, (2,)),
)
