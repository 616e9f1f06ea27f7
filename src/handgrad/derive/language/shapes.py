"""The shape of a result; axes that do not match are found here."""

import re
from functools import cache
from typing import TYPE_CHECKING

from .dims import Axis, Shape, flat, show_axis, show_shape
from .errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .expression import Expr


def label(expr: "Expr") -> str:
    """An expression in a message, if it is short."""
    text = str(expr) if expr.size < 30 else expr.op
    return text if len(text) <= 30 else text[:27] + "..."


def broadcast(op: str, a: "Expr", b: "Expr") -> Shape:
    """The shape of an elementwise operation."""
    if a.shape == b.shape:
        return a.shape
    pairs = matched(a.shape, b.shape)
    for p, q in pairs:
        if p and q and p != q:
            hint = ""
            if op == "*" and len(a.shape) == 2 and len(b.shape) and a.shape[-1] == b.shape[0]:
                hint = "; for the matrix product write @"
            elif len(a.shape) != len(b.shape):
                hint = "; a vector is matched with the last axis (v[:, None] makes it a column)"
            raise ExpressionError(
                f"{label(a)} has shape {show_shape(a.shape)} and {label(b)} has shape "
                f"{show_shape(b.shape)}: {op} cannot match axis {show_axis(p)} with axis "
                f"{show_axis(q)}{hint}"
            )
    return tuple([p or q for p, q in pairs])


def matched(a: Shape, b: Shape) -> list[tuple[Axis, Axis]]:
    """The axes of two shapes, matched from the last one back."""
    rank = max(len(a), len(b))
    return list(zip(((),) * (rank - len(a)) + a, ((),) * (rank - len(b)) + b))


@cache
def read_row(row: str) -> tuple[list[list[str]], list[str]]:
    """Split an einsum row into the axes of each input and of the output."""

    def axes(part: str) -> list[str]:
        return [merged or one.strip("1") for merged, one in re.findall(r"\((\w*)\)|(\w)", part)]

    inputs, output = row.split("->")
    return [axes(part) for part in inputs.split(",")], axes(output)


def contracted(op: str, row: str, args: "Sequence[Expr]") -> Shape:
    """The shape of a contraction, from its einsum row: parentheses merge axes, 1 is an axis of length 1."""
    key = row, tuple([arg.shape for arg in args])
    if key not in _SHAPES:
        _SHAPES[key] = _contracted(op, row, args)
    return _SHAPES[key]


_SHAPES: dict[tuple[str, tuple[Shape, ...]], Shape] = {}


def _contracted(op: str, row: str, args: "Sequence[Expr]") -> Shape:
    inputs, output = read_row(row)
    known: dict[str, tuple[Axis, Expr, int]] = {}
    for arg, axes in zip(args, inputs):
        if len(arg.shape) != len(axes):
            raise ExpressionError(
                f"{op}: {label(arg)} has shape {show_shape(arg.shape)}, "
                f"but must have {len(axes)} {'axis' if len(axes) == 1 else 'axes'}"
            )
        for position, (letter, axis) in enumerate(zip(axes, arg.shape)):
            before, other, place = known.setdefault(letter, (axis, arg, position))
            if letter and before != axis:
                raise ExpressionError(
                    f"{op}: axis {place} of {label(other)} is {show_axis(before)} and axis "
                    f"{position} of {label(arg)} is {show_axis(axis)}; they must be the same"
                )
    return tuple([flat([known[letter][0] for letter in letters]) for letters in output])
