"""Matrix notation: the same expressions, spelled with transposes, products and ones.

Everything is a matrix here: a vector is a column, a scalar has one row and one column. Nothing is
broadcast except a scalar; what NumPy repeats along an axis is a product with a vector of ones.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .dims import Axis
from .errors import ExpressionError
from .expression import Expr
from .functions import ALONG, MASKS, kind
from .numerals import show_exponent, show_number, whole
from .trees import postorder

ATOM, POWER, PRODUCT, ELEMENTWISE, FROBENIUS, ADDITION = 9, 8, 7, 6, 5, 4


class NoMatrixFormError(ExpressionError):
    """An array with more than two axes, or a contraction that no product spells."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} has no form with matrices; latex('index') of a derivation writes its entries")


class Matrix:
    """A matrix expression.

    Attributes
    ----------
    kind : str
        ``"atom"``, ``"number"``, ``"product"``, ``"scale"``, ``"hadamard"``, ``"over"``, ``"sum"``,
        ``"T"``, ``"power"``, ``"call"``, ``"inner"``.
    parts : tuple of Matrix
        The operands.
    info : object
        A text, a number, the signs of a sum.
    rows, columns : tuple
        The axes.
    """

    __slots__ = ("columns", "info", "kind", "parts", "rows")

    def __init__(self, kind: str, parts: "tuple[Matrix, ...]", info: Any, rows: Axis, columns: Axis) -> None:
        self.kind, self.parts, self.info = kind, parts, info
        self.rows, self.columns = rows, columns

    @property
    def scalar(self) -> bool:
        """Whether there is one row and one column."""
        return not self.rows and not self.columns

    def __str__(self) -> str:
        return show(self)[0]


def atom(text: str, rows: Axis = (), columns: Axis = ()) -> Matrix:
    """A name."""
    return Matrix("atom", (), text, rows, columns)


def ones(axis: Axis) -> Matrix:
    """A column of ones."""
    if len(axis) > 1:
        return atom(f"ones({'*'.join(axis)})", axis)
    return atom("1_" + axis[0], axis) if axis else number(1)


def identity(axis: Axis) -> Matrix:
    """The identity matrix."""
    if len(axis) > 1:
        return atom(f"eye({'*'.join(axis)})", axis, axis)
    return atom("I_" + axis[0], axis, axis) if axis else number(1)


def product(*parts: Matrix) -> Matrix:
    """A matrix product; factors that are scalars go in front, numbers first."""
    chain: list[Matrix] = []
    scalars: list[Matrix] = []
    below: list[Matrix] = []
    value = 1.0
    waiting = list(parts)
    while waiting:
        part = waiting.pop(0)
        if part.kind == "scale" or (part.kind == "product" and not part.scalar):
            waiting = [*part.parts, *waiting]
        elif part.kind == "number":
            value *= part.info
        elif divided(part):
            waiting.insert(0, part.parts[0])
            below.append(part.parts[1])
        elif part.scalar:
            twin = next((s for s in scalars if s.kind == part.kind == "atom" and s.info == part.info), None)
            if twin is None:
                scalars.append(part)
            else:
                scalars[scalars.index(twin)] = power(part, number(2))  # n n
        else:
            chain.append(part)
    if len(chain) == 1 and _starts(chain[0], *ONES):  # 1 1^T x rather than (1^T x) 1
        inside = next((scalar for scalar in scalars if scalar.kind == "product"), None)
        if inside:
            scalars.remove(inside)
            chain += inside.parts
    shorter = [part for part in chain if not _starts(part, *IDENTITY)]
    if shorter and (shorter[0].rows, shorter[-1].columns) == (chain[0].rows, chain[-1].columns):
        chain = shorter  # but (1^T u) I is no number
    if len(chain) > 1:
        chain = [Matrix("product", tuple(chain), None, chain[0].rows, chain[-1].columns)]
    if value != 1 or not (scalars or chain):
        scalars.insert(0, number(whole(value)))
    *scalars, result = scalars + chain
    for scalar in reversed(scalars):
        result = Matrix("scale", (scalar, result), None, result.rows, result.columns)
    for scalar in below:
        result = over(result, scalar)
    return result


def number(value: float) -> Matrix:
    """A constant."""
    return Matrix("number", (), value, (), ())


def negative(m: Matrix) -> bool:
    """Whether a matrix is a negative number, or starts with one."""
    first = m.parts[0] if m.kind == "scale" else m
    return first.kind == "number" and first.info < 0


def opposite(m: Matrix) -> Matrix:
    """Minus a matrix."""
    return product(number(-1), m)


def divided(m: Matrix) -> bool:
    """Whether a matrix is over a scalar."""
    return m.kind == "over" and m.parts[1].scalar


def flip(m: Matrix) -> Matrix:
    """The transpose: of a transpose the matrix, of a product the product in reverse."""
    if m.scalar:
        return m
    if m.kind == "T":
        return m.parts[0]
    if m.kind == "product":
        return turned(m)
    if m.kind == "scale":
        return product(m.parts[0], flip(m.parts[1]))
    if divided(m):
        return over(flip(m.parts[0]), m.parts[1])
    if _starts(m, *IDENTITY) or (m.kind == "sum" and _is_symmetric(m)):
        return m
    return Matrix("T", (m,), None, m.columns, m.rows)


def turned(m: Matrix) -> Matrix:
    """The transposes of the factors in reverse: ``y^T x`` for ``x^T y``."""
    return product(*[flip(part) for part in reversed(m.parts)])


def _is_symmetric(m: Matrix) -> bool:
    """Whether a sum is its own transpose, as ``A + A^T`` is."""
    return m.rows == m.columns and ordered(m) == ordered(add([flip(part) for part in m.parts], m.info))


def hadamard(*parts: Matrix) -> Matrix:
    """An elementwise product; with a scalar it is a multiple."""
    if any([part.scalar for part in parts]):
        return product(*parts)
    for at, part in enumerate(parts):
        if part.kind == "scale" or divided(part):
            times = part.kind == "scale"
            bare = hadamard(*parts[:at], part.parts[times], *parts[at + 1 :])
            return product(part.parts[0], bare) if times else over(bare, part.parts[1])
    inner = [one for part in parts for one in (part.parts if part.kind == "hadamard" else (part,))]
    inner = [one for one in inner if not _all_ones(one)] or inner[:1]
    if len(inner) == 1:
        return inner[0]
    return Matrix("hadamard", tuple(inner), None, inner[0].rows, inner[0].columns)


def _all_ones(m: Matrix) -> bool:
    parts = m.parts if m.kind == "product" else (m.parts[0] if m.kind == "T" else m,)
    return len(parts) <= 2 and all(_starts(p.parts[0] if p.kind == "T" else p, *ONES) for p in parts)


ONES, IDENTITY = ("1_", "ones("), ("I_", "eye(")


def _starts(m: Matrix, *texts: str) -> bool:
    """Whether a matrix is called so: ``1_n`` or ``ones(k*l)``, ``I_n`` or ``eye(k*l)``."""
    return m.kind == "atom" and str(m.info).startswith(texts)


def over(a: Matrix, b: Matrix) -> Matrix:
    """An elementwise quotient, or a matrix over a scalar; of ones it is one of a scalar."""
    if not b.scalar and _all_ones(a.parts[1] if a.kind == "scale" else a):
        a = a.parts[0] if a.kind == "scale" else number(1)
    if divided(a):
        above, scalar = a.parts
        return over(above, product(scalar, b)) if b.scalar else over(over(above, b), scalar)
    if b.kind == "scale" and not b.scalar and b.parts[0].kind != "number":
        scalar, b = b.parts
        return over(over(a, b), scalar)
    if negative(a):
        below = over(opposite(a), b)
        return Matrix("scale", (number(-1), below), None, below.rows, below.columns)
    return Matrix("over", (a, b), None, a.rows or b.rows, a.columns or b.columns)


def add(parts: list[Matrix], signs: Sequence[int] = ()) -> Matrix:
    """A sum, with plus signs if none are given; a scalar in it is added to every entry."""
    if len(parts) == 1 and not signs:
        return parts[0]
    flat_parts: list[Matrix] = []
    flat_signs: list[int] = []
    for part, sign in zip(parts, signs or [1] * len(parts)):
        if negative(part):
            part, sign = opposite(part), -sign
        inner = part.parts if part.kind == "sum" else (part,)
        flat_parts += inner
        flat_signs += [sign * s for s in (part.info if part.kind == "sum" else [1])]
    large = next((p for p in flat_parts if not p.scalar), flat_parts[0])
    if not large.scalar:  # x - 1^T x / n would be read as a number, I - 1 as a multiple of I
        read = () if any(map(is_identity, flat_parts)) else ("number", "atom")
        filled = [ones(large.rows), flip(ones(large.columns))]
        flat_parts = [product(p, *filled) if p.scalar and p.kind not in read else p for p in flat_parts]
    return Matrix("sum", tuple(flat_parts), flat_signs, large.rows, large.columns)


def is_identity(m: Matrix) -> bool:
    """Whether a matrix is a multiple of the identity."""
    if m.kind in ("scale", "over"):
        return any(map(is_identity, m.parts))
    return _starts(m, *IDENTITY)


def call(name: str, part: Matrix, rows: Axis, columns: Axis) -> Matrix:
    """A function by name."""
    return Matrix("call", (part,), name, rows, columns)


def diagonal(m: Matrix, rows: Axis, columns: Axis) -> Matrix:
    """``diag(m)``, with a sign in front."""
    if negative(m):
        return opposite(diagonal(opposite(m), rows, columns))
    return call("diag", m, rows, columns)


def trace(m: Matrix) -> Matrix:
    """The trace, with scalars in front."""
    if m.kind == "scale":
        return product(m.parts[0], trace(m.parts[1]))
    return call("tr", m, (), ())


def inner(a: Matrix, b: Matrix) -> Matrix:
    """The Frobenius product ``A : B``, the sum of ``A[i,j] B[i,j]``; of two transposes it is that of the matrices."""
    if a.kind == b.kind == "T":
        return inner(*a.parts, *b.parts)
    return Matrix("inner", (a, b), None, (), ())


def power(m: Matrix, exponent: Matrix) -> Matrix:
    """An elementwise power; a negative one is a quotient."""
    if exponent.kind == "number" and exponent.info < 0:
        return over(number(1), m if exponent.info == -1 else power(m, number(-exponent.info)))
    return Matrix("power", (m, exponent), None, m.rows, m.columns)


def walk(m: Matrix) -> Iterator[Matrix]:
    """A matrix and all its parts."""
    yield m
    for part in m.parts:
        yield from walk(part)


def varies(m: Matrix, name: str) -> bool:
    """Whether the differential `name` is in a part."""
    return any([part.kind == "atom" and part.info == name for part in walk(m)])


def around(m: Matrix, name: str) -> tuple[tuple[Matrix, ...], Matrix, tuple[Matrix, ...]]:
    """The operands before the one that holds the differential `name`, that one, and those after it."""
    at = next(k for k, part in enumerate(m.parts) if varies(part, name))
    return m.parts[:at], m.parts[at], m.parts[at + 1 :]


MAKERS: dict[str, Callable[..., Matrix]] = {
    "product": product, "scale": product, "hadamard": hadamard, "over": over, "T": flip
}  # fmt: skip


def replaced(m: Matrix, known: Mapping[str, Matrix]) -> Matrix:
    """A matrix with others in place of names."""
    if not m.parts:
        return known.get(str(m.info), m) if m.kind == "atom" else m
    parts = [replaced(part, known) for part in m.parts]
    if m.kind in MAKERS:
        return MAKERS[m.kind](*parts)
    return add(parts, m.info) if m.kind == "sum" else Matrix(m.kind, tuple(parts), m.info, m.rows, m.columns)


def ordered(m: Matrix) -> tuple[list[Any], Any]:
    """What a matrix is known by: the numbers in front of it, and the rest.

    It does not tell in what order sums, numbers and elementwise products are written, nor where numbers stand, nor
    how the sum of such a product is written: ``(a * b)^T c`` or ``a : (b * c)``.
    """
    if m.kind == "sum":
        return [], sorted([(sign, ordered(_added(part))) for sign, part in zip(m.info, m.parts)], key=repr)
    if m.kind == "inner" or (m.kind == "product" and m.scalar and len(m.parts) == 2):  # a : b is a^T b
        a, b = m.parts
        return [], ("inner", ordered(hadamard(a if m.kind == "inner" else flip(a), b)))
    factors = list(factors_of(m))
    if len(factors) == 1:
        return [], (m.kind, m.info, list(map(ordered, m.parts)))
    number_in_front = math.prod([part.info for sign, part in factors if (sign, part.kind) == ("*", "number")])
    numbers, arrays = [sorted([(sign, ordered(part)) for sign, part in factors
                               if (sign, part.kind) != ("*", "number") and part.scalar == scalar], key=repr)
                       for scalar in (True, False)]  # fmt: skip
    return [number_in_front, numbers], arrays


def _added(m: Matrix) -> Matrix:
    """What is added to every entry: s for s 1."""
    return m.parts[0] if m.kind == "scale" and _all_ones(m.parts[1]) else m


def factors_of(m: Matrix, above: bool = True) -> Iterator[tuple[str, Matrix]]:
    """What is multiplied and divided, entry by entry or by numbers."""
    if m.kind in ("scale", "hadamard", "over"):
        for at, part in enumerate(m.parts):
            yield from factors_of(part, above != (m.kind == "over" and at == 1))
    else:
        yield "*" if above else "/", m


def _inside(m: Matrix, binding: int) -> str:
    text, own = show(m)
    return text if own >= binding else f"({text})"


def show(m: Matrix) -> tuple[str, int]:
    """Print a matrix expression, and say how tightly it binds."""
    kind, parts, info = m.kind, m.parts, m.info
    if kind == "atom":
        return str(info), ATOM
    if kind == "number":
        text = show_number(info)
        return text, ADDITION if info < 0 else ELEMENTWISE if "/" in text else ATOM
    if kind == "product":
        return " ".join([_inside(part, POWER) for part in parts]), PRODUCT
    if kind == "scale":
        if parts[0].kind == "number" and parts[0].info == -1:
            return "-" + _inside(parts[1], ELEMENTWISE), ADDITION
        if negative(m):
            return f"-{_inside(number(-parts[0].info), POWER)} {_inside(parts[1], PRODUCT)}", ADDITION
        return _inside(parts[0], POWER) + " " + _inside(parts[1], PRODUCT), PRODUCT
    if kind == "hadamard":
        return " * ".join([_inside(part, POWER) for part in parts]), ELEMENTWISE
    if divided(m) and parts[0].kind == "over" and "over" not in [part.kind for part in (parts[1], parts[0].parts[1])]:
        above, below = parts[0].parts  # a / (n b) rather than a / b / n
        return show(Matrix("over", (above, product(parts[1], below)), None, m.rows, m.columns))
    if kind == "over":
        first = ELEMENTWISE if parts[1].scalar or parts[0].kind in ("over", "hadamard") else PRODUCT
        return _inside(parts[0], first) + " / " + _inside(parts[1], POWER), ELEMENTWISE
    if kind == "inner":
        return _inside(parts[0], POWER) + " : " + _inside(parts[1], POWER), FROBENIUS
    if kind == "sum":
        text, binding = "", ELEMENTWISE if any([part.kind == "number" for part in parts]) else FROBENIUS  # 1 + (x : x)
        for sign, part in zip(info, parts):
            text += (" + " if sign > 0 else " - ") if text else "" if sign > 0 else "-"
            text += _inside(part, binding)
        return text, ADDITION
    if kind == "T" and (parts[0].kind, parts[0].info) == ("call", "inv"):
        return _inside(parts[0].parts[0], ATOM) + "^-T", POWER
    if kind == "T":
        return _inside(parts[0], ATOM) + "^T", POWER
    if kind == "power":
        roots = parts[1].info % 1 == 0.5 if parts[1].kind == "number" else False
        if roots and parts[0].kind == "inner" and str(parts[0].parts[0]) == str(parts[0].parts[1]):
            norm, exponent = f"norm({parts[0].parts[0]})", int(2 * parts[1].info)
            return (norm, ATOM) if exponent == 1 else (f"{norm}^{exponent}", POWER)
        if parts[1].info == 0.5:
            return f"sqrt({show(parts[0])[0]})", ATOM
        sign = "^" if m.scalar else "**"
        raised = show_exponent(parts[1].info) if parts[1].kind == "number" else _inside(parts[1], ATOM)
        return f"{_inside(parts[0], ATOM)}{sign}{raised}", POWER
    if info == "inv":
        return _inside(parts[0], ATOM) + "^-1", POWER
    if info in MASKS:
        left, right = parts[0], number(0)
        terms = list(zip(left.info, left.parts)) if left.kind == "sum" and left.info[0] > 0 else []
        over = [(-sign, part) for sign, part in terms[1:] if sign < 0 or part.kind == "number"]
        if over:  # a > b - c rather than a - b + c > 0
            stay = terms[:1] + [(sign, part) for sign, part in terms[1:] if sign > 0 and part.kind != "number"]
            left, right = [add([part for _, part in side], [sign for sign, _ in side]) for side in (stay, over)]
        return f"({show(left)[0]} {MASKS[info]} {show(right)[0]})", ATOM
    listed = [show(part)[0][1:-1] if part.kind == "call" and part.info in MASKS else show(part)[0] for part in parts]
    return f"{info}({', '.join(listed)})", ATOM


def has_matrix_form(root: Expr) -> bool:
    """Whether an expression can be written without letters and without a change of axes."""
    return all([part.op not in ("einsum", "reshape") for part in postorder([root])])


def to_matrix(root: Expr) -> Matrix:
    """Read an expression as matrices.

    Parameters
    ----------
    root : Expr
        The expression.

    Returns
    -------
    Matrix

    Raises
    ------
    NoMatrixFormError
        If a part has more than two axes or is an einsum.
    """
    memo: dict[int, Matrix] = {}
    for expr in postorder([root]):
        memo[id(expr)] = _convert(expr, [memo[id(arg)] for arg in expr.args])
    return memo[id(root)]


def _repeat(m: Matrix, expr: Expr, result: Expr) -> Matrix:
    """Make broadcasting explicit: a column times a row of ones, a column of ones times a row."""
    if m.scalar or len(result.shape) < 2:
        return m
    m = flip(m) if len(expr.shape) == 1 else m
    m = m if m.rows == result.shape[0] else product(ones(result.shape[0]), m)
    return m if m.columns == result.shape[1] else product(m, flip(ones(result.shape[1])))


OPERATIONS: dict[str, Callable[..., Matrix]] = {
    "*": hadamard, "/": over, "**": power, "T": flip, "trace": trace,
    "neg": opposite, "outer": lambda a, b: product(a, flip(b)),
}  # fmt: skip


def _convert(expr: Expr, args: list[Matrix]) -> Matrix:
    op, info = expr.op, expr.info
    rows, columns = (*expr.shape, (), ())[:2]
    if len(expr.shape) > 2 or op == "reshape":
        raise NoMatrixFormError(op)
    if op in ("name", "size"):
        return atom(str(info), rows, columns)
    if op == "number":
        return number(info)
    if op == "ones":
        return product(ones(rows), flip(ones(columns)))
    if op == "zeros":
        return product(number(0), ones(rows), flip(ones(columns)))
    if op == "eye":
        return identity(rows)
    if op in ("+", "-", "*", "/"):
        args = [_repeat(m, arg, expr) for m, arg in zip(args, expr.args)]
    if op in ("+", "-"):
        return add(args, [1, 1 if op == "+" else -1])
    if op == "@":  # x @ A is a column, as x is
        return product(*args) if len(expr.args[0].shape) == 2 else flip(product(flip(args[0]), args[1]))
    if op in ("expand", "squeeze"):
        return args[0] if info else flip(args[0])
    if op in OPERATIONS:
        return OPERATIONS[op](*args)
    if op in ("sum", "mean"):
        return _total(expr, args[0])
    if expr.row and op not in ("diag", "kron"):
        raise NoMatrixFormError(op)
    name = str(info) if op in ("call", "unknown", "loss") else op
    if kind(op) in ALONG and len(expr.args[0].shape) == 2 and info[0] != (1 if kind(op) == "row" else -1):
        args = [*args, atom(f"axis={info[0]}")]
    return Matrix("call", tuple(args), name, rows, columns)


def _total(expr: Expr, m: Matrix) -> Matrix:
    axis, keep = expr.info
    if axis is None and m.kind == "hadamard":
        made = inner(m.parts[0], hadamard(*m.parts[1:]))
    elif axis is None and m.kind == "power" and m.parts[1].info == 2:
        made = inner(m.parts[0], m.parts[0])
    else:
        rows, columns = [flip(ones(m.rows))] * (axis != 1), [ones(m.columns)] * (axis != 0)
        made = product(*rows, m, *columns)
        made = flip(made) if axis == 0 and not keep else made
    if expr.op == "sum":
        return made
    dims = [d for at, a in enumerate(expr.args[0].shape) if axis in (None, at) for d in a]
    sizes = [atom(dim) for dim in dims]
    return over(made, product(*sizes)) if sizes else made
