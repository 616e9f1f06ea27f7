"""Dimensions: every axis of every array has a name, as in ``"X: n i, a: k*d, c:"``.

An axis is the tuple of the letters of its dimension: ``("n",)`` for ``n``, ``("k", "d")`` for the
product ``k*d`` and ``()`` for an axis of length 1, which has nothing to count.
"""

import math
from collections.abc import Iterable
from keyword import iskeyword
from typing import TypeAlias, TypeVar

from .errors import ExpressionError

Axis: TypeAlias = tuple[str, ...]
Shape: TypeAlias = tuple[Axis, ...]
Item = TypeVar("Item")

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # one letter an axis, as einsum wants
CONSTANTS = {"pi": math.pi}  # numbers with a name; in an expression they are what lengths are
NO_NAMES = {
    "G_": "names gradients", "I_": "names identity matrices", "sum_": "is a sum sign",
    "np": "is NumPy", "numpy": "is NumPy", "tr": "is the trace",
}  # fmt: skip


def read_dims(dims: dict[str, str] | str) -> dict[str, Shape]:
    """Read ``{"X": "n i", "a": "k*d", "c": ""}`` or ``"X: n i, a: k*d, c:"``."""
    if isinstance(dims, str):
        parts = [part.split(":") for part in dims.replace(";", ",").split(",") if part.strip()]
        found: dict[str, str] = {}
        for part in parts:
            if len(part) != 2 or "(" in part[1]:
                shown = dims if "(" in dims else ":".join(part)
                raise ExpressionError(f"dims: {shown!r} must be of the form 'name: n i'; a space separates axes")
            if found.setdefault(part[0].strip(), part[1].strip()) != part[1].strip():
                raise ExpressionError(f"dims: {part[0].strip()} is given twice")
        dims = found
    if not isinstance(dims, dict):
        raise ExpressionError(f"dims must be a dict or a string, not {type(dims).__name__}")
    shapes = {}
    for name, axes in dims.items():
        if not str(name).isidentifier() or iskeyword(str(name)):  # None is a keyword
            raise ExpressionError(f"dims: {name!r} cannot be a name")
        _check_name(name)
        if name[0] == "d" and name[1:] in dims:
            raise ExpressionError(
                f"dims: {name!r} cannot be a name beside {name[1:]}, whose differential it is; write {name[1:]}_dot"
            )
        if not isinstance(axes, str):
            raise ExpressionError(f"dims[{name!r}] must be a string such as 'n i', not {axes!r}")
        shapes[name] = tuple(_read_axis(name, axis) for axis in axes.split())
        if len(shapes[name]) > 2:
            raise ExpressionError(f"dims[{name!r}] has {len(shapes[name])} axes ({axes}); matrices have at most 2")
    return shapes


def _read_axis(name: str, axis: str) -> Axis:
    letters = tuple(letter for letter in axis.split("*") if letter != "1")
    for letter in letters:
        if not letter.isidentifier():
            raise ExpressionError(f"dims[{name!r}]: {axis!r} is not a dimension; write a name, a product k*d, or 1")
        _check_name(letter)
        if letter in CONSTANTS:
            raise ExpressionError(f"dims[{name!r}]: {letter} is a number, {CONSTANTS[letter]}; rename the axis")
    return letters


def _check_name(name: str) -> None:
    """Refuse what the notations use for something else."""
    for start, meant in NO_NAMES.items():
        if name.startswith(start) and (start[-1] == "_" or name == start):
            raise ExpressionError(f"dims: {name!r} cannot be a name; {start}{'...' * (start[-1] == '_')} {meant}")


def flat(axes: Iterable[tuple[Item, ...]]) -> tuple[Item, ...]:
    """What the axes consist of, dimensions or letters, side by side."""
    return tuple([one for axis in axes for one in axis])


def show_axis(axis: Axis) -> str:
    """Show an axis as the user writes it."""
    return "*".join(axis) or "1"


def show_shape(shape: Shape) -> str:
    """Show a shape as the user writes it."""
    return "(" + ", ".join(map(show_axis, shape)) + ("," if len(shape) == 1 else "") + ")"
