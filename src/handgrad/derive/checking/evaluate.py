"""What an expression means: entry by entry, on plain numbers.

A table maps every index, a tuple of integers, to a number. Axes that are products are split, axes
of length 1 have no index.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

from handgrad.derive.engine.terms import Letter, Letters, Node, Sum
from handgrad.derive.language.dims import CONSTANTS, Shape, flat
from handgrad.derive.language.expression import OPERATIONS, Expr, name_expr, raised
from handgrad.derive.language.functions import ALONG, ARRAY, ELEMENTWISE, kind
from handgrad.derive.language.shapes import matched, read_row
from handgrad.derive.language.trees import postorder
from handgrad.derive.spelling.program import written_out

Table: TypeAlias = dict[tuple[int, ...], float]
Sizes: TypeAlias = Mapping[str, int]
Functions: TypeAlias = Mapping[str, Callable[..., Any]]


def indices(dims: Iterable[str], sizes: Sizes) -> Iterator[tuple[int, ...]]:
    """Every index of an array, the last one running fastest."""
    return product(*[range(sizes[dim]) for dim in dims])


def lengths(shape: Shape, sizes: Sizes) -> list[int]:
    """The lengths of the axes."""
    return [math.prod([sizes[dim] for dim in axis]) for axis in shape]


def evaluate(root: Expr, given: Mapping[str, Table], sizes: Sizes, functions: Functions | None = None) -> Table:
    """Evaluate an expression.

    Parameters
    ----------
    root : Expr
        The expression.
    given : dict
        A table for every name.
    sizes : dict
        The length of every dimension.
    functions : dict, optional
        The unknown functions: elementwise ones of a number, losses of a table.

    Returns
    -------
    dict
        The table of the result.
    """
    memo: dict[int, Table] = {}
    for expr in postorder([root]):
        args = [memo[id(arg)] for arg in expr.args]
        memo[id(expr)] = _evaluate(expr, args, given, sizes, functions or {})
    return memo[id(root)]


def _evaluate(expr: Expr, args: list[Table], given: Mapping[str, Table], sizes: Sizes, functions: Functions) -> Table:
    op, info, dims = expr.op, expr.info, flat(expr.shape)
    if op == "name":
        return given[info]
    if op in ("number", "size"):
        return {(): float(info if op == "number" else CONSTANTS[info] if info in CONSTANTS else sizes[info])}
    if op in ("ones", "zeros"):
        return dict.fromkeys(indices(dims, sizes), float(op == "ones"))
    if op in ("eye", "delta"):
        half = len(dims) // 2
        return {index: float(index[:half] == index[half:]) for index in indices(dims, sizes)}
    if expr.row:
        return _contract(expr, args, sizes)
    if op in OPERATIONS:
        pick = [_picker(arg.shape, expr.shape) for arg in expr.args]
        (a, b), combine = args, OPERATIONS[op]
        return {index: combine(a[pick[0](index)], b[pick[1](index)]) for index in indices(dims, sizes)}
    (arg,) = args
    if op == "neg":
        return {index: -value for index, value in arg.items()}
    if op == "reshape":
        return arg
    if op == "loss":
        return {(): functions[info](arg)}
    if op == "call" and info in ("iszero", "notzero"):
        return {index: float((abs(z) < ROUNDING) == (info == "iszero")) for index, z in arg.items()}
    if op in ("call", "unknown"):
        value = ELEMENTWISE[info].value if op == "call" else functions[info]
        return {index: value(z) for index, z in arg.items()}
    return (_along if kind(op) in ALONG else _of_square)(expr, arg)


def _along(expr: Expr, arg: Table) -> Table:
    """A function of every row of a table, or of every column, or of everything."""
    shape, (axis, _) = expr.args[0].shape, expr.info
    start, stop = [len(flat(shape[:at])) for at in ((axis, axis + 1) if axis >= 0 else (0, len(shape)))]
    rows: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for index in arg:
        rows.setdefault(index[:start] + index[stop:], []).append(index)
    result: Table = {}
    for kept, members in rows.items():
        made = ARRAY[expr.op].value([arg[index] for index in members])
        result |= dict(zip(members, made)) if kind(expr.op) == "row" else {kept: made}
    return result


def _of_square(expr: Expr, arg: Table) -> Table:
    """A function of a square matrix."""
    places = list(dict.fromkeys([index[: len(index) // 2] for index in arg]))
    made = ARRAY[expr.op].value([[arg[p + q] for q in places] for p in places])
    if kind(expr.op) == "scalar":
        return {(): made}
    return {p + q: made[i][j] for i, p in enumerate(places) for j, q in enumerate(places)}


def _picker(shape: Shape, result: Shape) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """Broadcasting: which part of the result's index an operand sees."""
    kept, at = [], 0
    for mine, axis in matched(shape, result):
        kept += list(range(at, at + len(axis))) if mine else []
        at += len(axis)
    return lambda index: tuple([index[k] for k in kept])


def _contract(expr: Expr, args: list[Table], sizes: Sizes) -> Table:
    inputs, output = read_row(expr.row)
    letters: dict[str, Letters] = {}
    for arg, axes in zip(expr.args, inputs):
        for names, axis in zip(axes, arg.shape):
            for name, part in zip(names, [axis] if len(names) == 1 else [(d,) for d in axis]):
                letters.setdefault(name, tuple(map(Letter, part)))
    parts = [(table, tuple([l for axis in axes for name in axis for l in letters[name]]))
             for table, axes in zip(args, inputs)]  # fmt: skip
    written = [letter for axis in output for name in axis for letter in letters[name]]
    free = tuple(dict.fromkeys(written))
    total = contracted(parts, free, sizes)
    if expr.op == "mean":
        count = len(args[0]) / len(total)
        total = {index: value / count for index, value in total.items()}
    if len(free) < len(written):  # diag(v)
        zero = dict.fromkeys(indices(flat(expr.shape), sizes), 0.0)
        return zero | {tuple([index[free.index(l)] for l in written]): value for index, value in total.items()}
    return total


ROUNDING = 1e-9  # m == max(m) is asked of what two lines compute in two ways


def evaluate_node(node: Node, values: Mapping[Node, Table], sizes: Sizes, functions: Functions) -> Table:
    """The value of a node, from the values of its children."""
    if node.sum is not None:
        return evaluate_sum(node.sum, values, sizes)
    expr = written_out(node, lambda arg: name_expr("", arg.shape))
    return _evaluate(expr, [values[arg] for arg in node.args], {}, sizes, functions)


def evaluate_sum(value: Sum, values: Mapping[Node, Table], sizes: Sizes) -> Table:
    """A sum of terms: every letter runs over its dimension, letters that are not free are summed."""
    total: Table = dict.fromkeys(indices([l.dim for l in value.free], sizes), 0.0)
    for coefficient, factors in value.terms:
        parts = [(_power(values[node], power), letters) for node, letters, power in factors]
        for index, entry in contracted(parts, value.free, sizes).items():
            total[index] += coefficient * entry
    return total


def contracted(parts: Sequence[tuple[Table, Letters]], free: Letters, sizes: Sizes) -> Table:
    """The product of tables for every index of `free`; each other letter is summed as soon as possible."""
    for letter in dict.fromkeys([l for _, letters in parts for l in letters if l not in free]):
        here = [part for part in parts if letter in part[1]]
        others = [part for part in parts if letter not in part[1]]
        left = tuple(dict.fromkeys([l for _, letters in here for l in letters if l is not letter]))
        parts = [*others, (_sum_products(here, left, letter, sizes), left)]
    return _sum_products(parts, free, None, sizes)


def _power(table: Table, power: float) -> Table:
    return table if power == 1 else {index: raised(entry, power) for index, entry in table.items()}


def _sum_products(
    parts: Sequence[tuple[Table, Letters]], left: Letters, letter: Letter | None, sizes: Sizes
) -> Table:  # fmt: skip
    """The product of tables for every index of `left`, summed over a letter."""
    order = (*left, letter) if letter else left
    reads = [(table, [order.index(l) for l in letters]) for table, letters in parts]
    total: Table = {}
    for index in indices([l.dim for l in order], sizes):
        product = 1.0
        for table, read in reads:
            product *= table[tuple([index[k] for k in read])]
        kept = index[: len(left)]
        total[kept] = total.get(kept, 0.0) + product
    return total
