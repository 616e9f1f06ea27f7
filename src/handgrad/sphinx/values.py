"""Values: matrices that may carry the letters of index notation, and the operations on them.

Every value is a matrix, stored with two axes at the end; a vector is a column, a scalar has one row
and one column. Index letters are further axes in front: ``X[n,i]`` is a scalar for each n and i.
So one set of rules serves both notations.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handgrad.derive import ExpressionError

Array: TypeAlias = NDArray[Any]
ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power}
COMPARISONS = {
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class ShapeError(ValueError):
    """Two parts whose shapes do not conform; with other sizes they may."""


@dataclass(frozen=True, eq=False)
class Value:
    """A matrix for every choice of the letters.

    Attributes
    ----------
    array : ndarray
        One axis for each letter, then rows and columns.
    letters : tuple of str
        The free letters.
    row, column : bool
        Whether the rows, the columns, can be more than one: a vector has rows only.
    upright : bool
        A vector stays a column when it is broadcast, as ``v[:, None]`` does; other vectors are
        matched with the last axis, as NumPy does.
    """

    array: Array
    letters: tuple[str, ...] = ()
    row: bool = False
    column: bool = False
    upright: bool = False

    @property
    def scalar(self) -> bool:
        """Whether there is one number for each choice of letters."""
        return not self.row and not self.column

    @property
    def vector(self) -> bool:
        """Whether this is a column that has no other name in NumPy than a vector."""
        return self.row and not self.column

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.array.shape[-2], self.array.shape[-1]

    @property
    def lengths(self) -> tuple[int, ...]:
        """The shape of what this is in NumPy: none of its axes, one or two."""
        return tuple(length for length, is_open in zip(self.shape, (self.row, self.column), strict=True) if is_open)

    def describe(self) -> str:
        """Say what this is, for error messages."""
        rows, columns = self.shape
        if self.scalar:
            return "a number" if not self.letters else f"an entry for each {', '.join(self.letters)}"
        if self.vector:
            return f"a column of {rows}"
        if not self.row:
            return f"a row of {columns}"
        return f"a {rows} x {columns} matrix"

    def map(self, function: Callable[[Array], Array]) -> "Value":
        """Apply an elementwise function."""
        return replace(self, array=function(self.array))

    def at(self, letters: tuple[str, ...]) -> Array:
        """The array with its letter axes in the order of `letters`, some of which it may lack."""
        present = [letter for letter in letters if letter in self.letters]
        order = [self.letters.index(letter) for letter in present]
        rank = len(order)
        array = self.array.transpose(*order, rank, rank + 1)
        sizes = iter(array.shape)
        spread = [next(sizes) if letter in self.letters else 1 for letter in letters]
        return array.reshape(*spread, *array.shape[-2:])

    def total(self, letters: tuple[str, ...]) -> "Value":
        """``sum_ij``, the sum over some of the letters."""
        for letter in letters:
            if letters.count(letter) > 1:
                raise ExpressionError(f"sum_{''.join(letters)}: the letter {letter} is summed twice")
            if letter not in self.letters:
                raise ExpressionError(f"the letter {letter} is summed, but does not occur in what is summed")
        axes = tuple(self.letters.index(letter) for letter in letters)
        kept = tuple(letter for letter in self.letters if letter not in letters)
        return replace(self, array=self.array.sum(axis=axes), letters=kept)

    def entry(self, subscripts: tuple[str, ...]) -> "Value":
        """``A[i,j]``: a letter for each axis, or a number counted from 1, or ``:`` to keep the axis."""
        open_axes = [axis for axis, is_open in ((-2, self.row), (-1, self.column)) if is_open]
        if len(subscripts) != len(open_axes):
            raise ExpressionError(f"[{','.join(subscripts)}] has {len(subscripts)} indices, for {self.describe()}")
        array, kept = self.array, {-2: False, -1: False}
        names: list[str] = [*self.letters, "rows", "columns"]
        for axis, subscript in zip(open_axes, subscripts, strict=True):
            if subscript == ":":
                kept[axis] = True
            elif subscript.isdecimal():
                if not 1 <= int(subscript) <= array.shape[axis]:
                    raise ShapeError(f"the index {subscript} is not one of 1 to {array.shape[axis]}")
                array = array.take([int(subscript) - 1], axis=axis)
            elif subscript.isidentifier():
                names[axis] = subscript
            else:
                raise ExpressionError(
                    f"the index {subscript} of an axis that is a product of dimensions is not supported"
                )
        sizes: dict[str, int] = {}
        for name, size in zip(names, array.shape, strict=True):
            if sizes.setdefault(name, size) != size:
                raise ShapeError(f"the letter {name} runs over {sizes[name]} and over {size}")
        letters = tuple(name for name in sizes if name not in ("rows", "columns"))
        number = {name: at for at, name in enumerate(sizes)}
        picked = np.einsum(
            array,
            [number[name] for name in names],
            [number[name] for name in letters] + [number[name] for name in ("rows", "columns") if name in number],
        )
        shape = [array.shape[axis] if names[axis] in ("rows", "columns") else 1 for axis in (-2, -1)]
        return Value(picked.reshape(*picked.shape[: len(letters)], *shape), letters, kept[-2], kept[-1])


def value_of(array: Any, axes: int) -> Value:
    """Wrap an array with no axes, one or two."""
    array = np.asarray(array)
    if axes == 2:
        return Value(array, (), True, True)
    return Value(array.reshape(-1, 1), (), axes == 1, False)


def together(a: Value, b: Value) -> tuple[tuple[str, ...], Array, Array]:
    """The letters of both, and the arrays with all of them."""
    letters = a.letters + tuple(letter for letter in b.letters if letter not in a.letters)
    x, y = a.at(letters), b.at(letters)
    for letter, p, q in zip(letters, x.shape, y.shape, strict=False):
        if letter in a.letters and letter in b.letters and p != q:
            raise ShapeError(f"the letter {letter} runs over {p} in one factor and over {q} in another")
    return letters, x, y


def transpose(a: Value) -> Value:
    """Exchange rows and columns."""
    return Value(a.array.swapaxes(-1, -2), a.letters, a.column, a.row)


def numpy_transpose(a: Value) -> Value:
    """``.T``: a vector stays what it is."""
    return a if a.vector and not a.upright else transpose(a)


def product(a: Value, b: Value) -> Value:
    """The matrix product, or a multiple if one factor is a scalar."""
    letters, x, y = together(a, b)
    if a.scalar or b.scalar:
        return Value(x * y, letters, a.row or b.row, a.column or b.column)
    if a.column != b.row or a.shape[1] != b.shape[0]:
        raise ShapeError(f"{a.describe()} times {b.describe()} does not conform")
    return Value(x @ y, letters, a.row, b.column)


def numpy_product(a: Value, b: Value) -> Value:
    """``a @ b``: a vector on the left is a row, and the result is a vector again."""
    if a.scalar or b.scalar:
        raise ExpressionError("@ takes no scalars; write * for a multiple")
    if not a.vector or a.upright:
        return product(a, b)
    made = product(transpose(a), b)
    return transpose(made) if made.column else made


def widen(a: Value, other: Value) -> Value:
    """Repeat a scalar, a vector or a row as NumPy would beside `other`."""
    return transpose(a) if a.vector and not a.upright and other.column else a


def elementwise(a: Value, b: Value, function: Callable[[Any, Any], Any], sign: str) -> Value:
    """Combine entry by entry, with NumPy's broadcasting."""
    a, b = widen(a, b), widen(b, a)
    if a.vector and b.vector and a.upright != b.upright:
        raise ExpressionError(f"{sign} of a vector and a column; write [:, None] at both or at none")
    for x, y, both in zip(a.shape, b.shape, (a.row and b.row, a.column and b.column), strict=True):
        if both and x != y:
            raise ShapeError(f"{a.describe()} {sign} {b.describe()} does not conform")
    letters, p, q = together(a, b)
    row, column = a.row or b.row, a.column or b.column
    return Value(function(p, q), letters, row, column, a.upright or b.upright)


def arithmetic(sign: str, a: Value, b: Value) -> Value:
    """A sum, difference, product, quotient or power, entry by entry."""
    if sign == "/" and a.scalar and not b.scalar:
        raise ExpressionError(f"a number divided by {b.describe()}; its reciprocals are **(-1)")
    return elementwise(a, b, ARITHMETIC[sign], sign)


def comparison(sign: str, a: Value, b: Value) -> Value:
    """One where a comparison of the entries holds, else zero; a complex step does not count."""
    return elementwise(a, b, lambda x, y: COMPARISONS[sign](x.real, y.real) * 1.0, sign)


def power(base: Value, exponent: Value) -> Value:
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


def frobenius(a: Value, b: Value) -> Value:
    """``A : B``, the sum of the products of entries; the shapes are the same."""
    if (a.row, a.column) != (b.row, b.column) or a.shape != b.shape:
        raise ShapeError(f"{a.describe()} : {b.describe()}: the shapes must be the same")
    letters, x, y = together(a, b)
    return Value((x * y).sum(axis=(-2, -1), keepdims=True), letters)
