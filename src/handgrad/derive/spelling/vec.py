"""The derivative as a matrix on stacked entries, ``vec(dY) = J vec(dX)``, and as einsum subscripts."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from handgrad.derive.engine.terms import Factor, Letters, Sum, Term
from handgrad.derive.language.calls import call
from handgrad.derive.language.dims import flat
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.expression import Expr, expand

from .result import Result
from .spell import Names, added, as_einsum, as_kron, entry_expr, scaled, spell


class Stacked(NamedTuple):
    """One summand of ``vec(dY)``: a matrix times ``vec(dX)``, or times ``vec(dX.T)``."""

    matrix: Expr
    transposed: bool


def stacked_terms(d: Result, order: str) -> list[Stacked]:
    """The summands of ``vec(dY)``; `order` F stacks columns, C stacks rows.

    Raises
    ------
    ExpressionError
        If `order` is neither, if an array is no vector and no matrix, or if a term is no Kronecker
        product.
    """
    if order not in ("F", "C"):
        raise ExpressionError(f"order: {order!r} must be 'F' (columns are stacked) or 'C' (rows are)")
    if not d.root.dims:
        raise ExpressionError("the output is a scalar: its derivative is the gradient, not a matrix")
    if len(d.root.shape) > 2:
        raise ExpressionError(f"the output has {len(d.root.shape)} axes; vec is of matrices")
    value = d.arranged("shape")
    rank = len(d.expression.shape)
    if not d.variable.dims or (rank, len(value.shape)) == (1, 2):
        matrix = _plain(d)
        if not d.variable.dims:  # by a number: the entries, stacked
            matrix = expand(call("flatten", [matrix.T if order == "F" else matrix]), 1)
        return [Stacked(matrix, False)]
    out, own = [(*axes, (), ())[:2] for axes in (value.axes[:rank], value.axes[rank:])]
    for terms in (value.terms, d.opened(value, (), math.inf)):  # if names are in the way they are written out
        made = [_stacked(term, out, own, _names(d), order) for term in terms]
        if all(made):
            return [part for part in made if part]
    raise ExpressionError("the derivative is no sum of Kronecker products")


def _plain(d: Result) -> Expr:
    """The derivative with the axes of the output first, by the names that are defined."""
    return d.program.result if d.layout_name == "shape" else d.spell(d.arranged("shape"), d.program.definitions)


def _names(d: Result) -> Names:
    """How nodes are written: by no other names than those of the inputs and of the definitions."""
    return lambda node: d.refer(node, d.program.definitions)


def _stacked(
    term: Term, out: tuple[Letters, ...], own: tuple[Letters, ...], names: Names, order: str
) -> Stacked | None:
    """``Y = M X N^T`` has ``vec(Y) = kron(N, M) vec(X)``; by rows, ``kron(M, N)``."""
    coefficient, factors = term
    arrays, numbers = [[factor for factor in factors if bool(factor[1]) == whether] for whether in (True, False)]

    def signed(made: Expr, transposed: bool) -> Stacked:
        made = scaled(coefficient, [entry_expr(factor, names) for factor in numbers], made)
        return Stacked(-made if coefficient < 0 else made, transposed)

    alike = out[1] and list(map(len, out)) == list(map(len, own))
    entries = _entrywise(arrays, flat(out), flat(own)) if alike else ()
    if entries:  # A * X has diag(vec(A)) vec(X)
        diagonal = spell(Sum(out, [(1, entries)]), names)
        return signed(call("diag", [call("flatten", [diagonal.T if order == "F" else diagonal])]), False)
    ways = [(out, own, False), (out, own[::-1], bool(own[1]))]
    if not out[1]:  # a vector is a row as well
        ways.insert(1, (out[::-1], own, False))
    for rows, columns, transposed in ways:
        sides = list(zip(rows, columns))
        made = as_kron(arrays, sides[::-1] if order == "F" else sides, names)
        if made is not None:
            return signed(made, transposed)
    return None


def _entrywise(arrays: Sequence[Factor], out: Letters, own: Letters) -> tuple[Factor, ...]:
    """The arrays of ``A[i,j] delta[i,p] delta[j,q]``; empty for any other term."""
    others = tuple([factor for factor in arrays if factor[0].op != "delta"])
    pairs = {frozenset(letters) for node, letters, _ in arrays if node.op == "delta"}
    same = pairs == {frozenset(pair) for pair in zip(out, own)}
    return others if same and {*flat([letters for _, letters, _ in others])} <= {*out} else ()


def kronecker(d: Result, order: str) -> str:
    """Print ``vec(dY) = kron(N, M) @ vec(dX)``, and what vec does."""
    name, text = f"d{d.wrt}", ""
    parts = stacked_terms(d, order)
    if not d.variable.dims:
        text = f"vec({_plain(d)}) * {name}"
        parts = []
    for matrix, transposed in parts:
        minus = matrix.op == "neg"
        plain = matrix.args[0] if minus else matrix
        shown = f"({plain})" if plain.op in ("+", "-", "*", "/", "@") else str(plain)
        text += (" - " if minus else " + ") if text else "-" if minus else ""
        text += f"{'' if plain.op == 'eye' else shown + ' @ '}vec({name}{'.T' if transposed else ''})"
    stacked = text and max(len(d.root.shape), len(d.variable.shape)) > 1
    stacks = f"  (vec stacks {'columns' if order == 'F' else 'rows'})" if stacked else ""
    return f"vec(d{d.labels[d.root]}) = {text or '0'}{stacks}"


def einsum_expr(d: Result) -> Expr:
    """The derivative as a sum of einsums, in the layout of the derivation."""
    value, names = d.arranged(d.layout_name), _names(d)
    parts = []
    for coefficient, factors in d.opened(value):
        arrays = [factor for factor in factors if factor[1]]
        scalars = [entry_expr(factor, names) for factor in factors if not factor[1]]
        main = as_einsum(arrays, value.axes, names) if arrays or value.axes else None
        parts.append((coefficient, scaled(coefficient, scalars, main)))
    return added(parts) if parts else d.program.result
