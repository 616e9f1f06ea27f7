"""Rows, columns and transposes of expressions, with no more of them than there must be."""

from handgrad.derive.language.expression import Expr, arithmetic, contract, expand, value_of
from handgrad.derive.language.trees import postorder


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
        if is_reciprocal(second):
            base, exponent = second.args[0], second.args[1].info
            return first / (base if exponent == -1 else base**-exponent)
    if a.op == "/" and a.shape and b.shape:
        return multiply(a.args[0], b) / a.args[1]
    if a.op == b.op == "@" and a.size == b.size and str(a) == str(b):
        return a**2
    return a * b


def as_column(v: Expr) -> Expr:
    """``v[:, None]``; what was a column, or is made of sums over rows, keeps its axis instead."""
    column = standing(v, 1)
    if column is not None and (stood(v) or all([part.op != "expand" for part in postorder([column])])):
        return column
    return expand(v, 1)


def standing(v: Expr, axis: int) -> Expr | None:
    """A vector as the column or row that it was made from: ``(A @ x[:, 0])[:, None]`` is ``A @ x``."""
    if len(v.shape) != 1:
        return None if v.shape else v
    if v.op == "squeeze":
        return v.args[0] if v.info == axis else transpose(v.args[0])
    if v.op in ("sum", "mean") and v.info == (axis, False):
        return contract(v.op, v.row + "1" if axis else v.row.replace("->", "->1"), v.args, (axis, True))
    if v.op == "@":
        vector, matrix = sorted(v.args, key=lambda arg: len(arg.shape))
        inner = standing(vector, axis)
        if inner is None or (vector is v.args[0] and axis):
            return None
        if axis:
            return matrix @ inner
        turned = matrix if vector is v.args[0] else transpose(matrix)
        return inner @ turned if turned.op != "T" or matrix.op == "name" else None
    if v.op not in ENTRYWISE:
        return None
    upright = [standing(arg, axis) for arg in v.args]
    if all([part is None or not part.shape for part in upright]):
        return None
    # Beside a column a vector becomes one; beside a row it is one.
    return _with(v, [part or (as_column(arg) if axis else arg) for part, arg in zip(upright, v.args)])


ENTRYWISE = ("+", "-", "*", "/", "**", "neg")


def _with(v: Expr, parts: list[Expr]) -> Expr:
    """The same arithmetic on other operands."""
    return -parts[0] if v.op == "neg" else arithmetic(v.op, *parts)


def lying(m: Expr, axis: int) -> Expr | None:
    """A column or a row as the vector that it was made from: ``X.sum(axis=1, keepdims=True)[:, 0]``."""
    if not m.shape or (m.op == "expand" and m.info == axis):
        return m.args[0] if m.op == "expand" else m
    if m.op in ("sum", "mean") and m.info == (axis, True):
        return contract(m.op, m.row[:-1] if axis else m.row.replace("->1", "->"), m.args, (axis, False))
    if m.op not in ENTRYWISE:
        return None
    parts = [part for arg in m.args if (part := lying(arg, axis)) is not None]
    return _with(m, parts) if len(parts) == len(m.args) else None


def is_reciprocal(expr: Expr) -> bool:
    """Whether an expression is a negative power, which is printed as a divisor."""
    exponent = value_of(expr.args[1]) if expr.op == "**" else None
    return exponent is not None and exponent < 0


def stood(v: Expr) -> bool:
    """Whether a vector was taken out of a column or a row."""
    return any([part.op == "squeeze" for part in postorder([v])])
