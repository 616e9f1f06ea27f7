"""The expression tree: what NumPy syntax says, with the dimensions of every part."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import mul
from typing import Any

from .dims import CONSTANTS, Shape, flat, show_shape
from .errors import ExpressionError
from .functions import ELEMENTWISE, MASKS
from .numerals import whole
from .shapes import broadcast, contracted, label

PRODUCTS = {(1, 1): "i,i->", (1, 2): "i,ij->j", (2, 1): "ij,j->i", (2, 2): "ij,jk->ik"}  # einsum rows


def operator(sign: str) -> "tuple[Callable[[Any, Any], Expr], Callable[[Any, Any], Expr]]":
    """What an operator does, with an expression on the left and with one on the right."""
    return (lambda a, b: arithmetic(sign, a, to_expr(b))), (lambda a, b: arithmetic(sign, to_expr(b), a))


class Expr:
    """One part of an expression; arithmetic on it builds larger ones.

    Attributes
    ----------
    op : str
        What is done: ``"name"``, ``"@"``, ``"sum"``, ``"call"`` ...
    args : tuple of Expr
        What it is done to.
    info : object
        The rest: a name, a number, the name of a function, ``(axis, keepdims)``.
    row : str
        For a contraction, its einsum row.
    shape : tuple
        The axes.
    """

    __slots__ = ("args", "info", "op", "row", "shape", "size", "symmetric")
    __array_ufunc__ = None  # beside a NumPy array an expression is asked first

    def __init__(
        self, op: str, args: "tuple[Expr, ...]" = (), info: Any = None, row: str = "", shape: Shape = ()
    ) -> None:
        self.op, self.args, self.info, self.row, self.shape = op, args, info, row, shape
        self.size = 1
        for arg in args:
            self.size += arg.size
        self.symmetric = False  # known to be its own transpose

    __add__, __radd__ = operator("+")
    __sub__, __rsub__ = operator("-")
    __mul__, __rmul__ = operator("*")
    __truediv__, __rtruediv__ = operator("/")
    __gt__, __lt__ = operator(">")[0], operator("<")[0]
    __ge__, __le__ = operator(">=")[0], operator("<=")[0]
    __pow__, __rpow__ = operator("**")

    def __matmul__(self, other: Any) -> "Expr":
        other = to_expr(other)
        ranks = (len(self.shape), len(other.shape))
        if ranks not in PRODUCTS:
            scalar = self if not self.shape else other
            raise ExpressionError(f"@: {label(scalar)} is a scalar; write * for a multiple")
        return contract("@", PRODUCTS[ranks], [self, other])

    def __rmatmul__(self, other: Any) -> "Expr":
        return to_expr(other) @ self

    def __neg__(self) -> "Expr":
        if self.op == "number":
            return number(-self.info)
        return Expr("neg", (self,), shape=self.shape)

    def __pos__(self) -> "Expr":
        return self

    def __abs__(self) -> "Expr":
        return elementwise("abs", self)

    def __getitem__(self, index: Any) -> "Expr":
        """``v[:, None]`` and ``v[None, :]``."""
        for axis, form in ((1, (slice(None), None)), (0, (None, slice(None)))):
            if index == form:
                return expand(self, axis)
        raise ExpressionError(f"[{index}] is not supported; [:, None] and [None, :] are")

    @property
    def T(self) -> "Expr":  # noqa: N802 - its name in NumPy
        """The transpose; a vector is its own."""
        return Expr("T", (self,), None, "ij->ji", self.shape[::-1]) if len(self.shape) == 2 else self

    def __getattr__(self, name: str) -> "Callable[..., Expr]":
        from .calls import KNOWN, call

        if name not in KNOWN:
            raise AttributeError(name)
        return lambda *args, **options: call(name, [self, *map(to_expr, args)], options)

    def on(self, args: "tuple[Expr, ...]") -> "Expr":
        """The same operation on other operands of the same shapes."""
        return Expr(self.op, args, self.info, self.row, self.shape)

    def __str__(self) -> str:
        from .numpy_text import write

        return write(self, False)

    def __repr__(self) -> str:
        return f"<{self} : {show_shape(self.shape)}>"

    def latex(self) -> str:
        """The expression in matrix notation, as LaTeX."""
        from .latex import expression_latex

        return expression_latex(self)


def name_expr(name: str, shape: Shape) -> Expr:
    """A declared name."""
    return Expr("name", info=name, shape=shape)


def number(value: float) -> Expr:
    """A constant; a whole number is kept as an integer."""
    if not abs(value) <= 1.7976931348623157e308:
        raise ExpressionError(f"{value} is not a number to derive with")
    return Expr("number", info=whole(value))


def to_expr(value: Any) -> Expr:
    """Accept an expression or a number."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    if getattr(value, "shape", None) == ():  # a number of NumPy
        return to_expr(value.item())
    if callable(value):
        raise ExpressionError("a function stands where its value is needed; call it, as in A.inv()")
    raise ExpressionError(f"{value!r} ({type(value).__name__}) is neither a symbol nor a number")


def arithmetic(op: str, a: Expr, b: Expr) -> Expr:
    """Elementwise ``+ - * / **`` and comparisons, with NumPy broadcasting."""
    if op in COMPARISONS:
        return elementwise(COMPARISONS[op], arithmetic("-", a, b))
    if op == "-" and value_of(a) == 1 and is_mask(b):
        return elementwise(COMPARISONS[OPPOSITE[MASKS[b.info]]], b.args[0])
    if a.op == b.op == "number":
        return _constant_value(f"{a} {op} {b}", lambda: OPERATIONS[op](a.info, b.info))
    shape = broadcast(op, a, b)
    if op == "/" and b.info == 0 and b.op == "number":
        raise ExpressionError("division by zero")
    if op == "**" and is_mask(a) and (value_of(b) or 0) > 0:
        return a
    if op == "**" and value_of(b) is None and (b.shape or a.op == "number"):
        return elementwise("exp", arithmetic("*", b, elementwise("log", a)))
    return Expr(op, (a, b), shape=shape)


COMPARISONS = {sign: name for name, sign in MASKS.items()}
OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "==": "!=", "!=": "=="}


def raised(a: float, b: float) -> float:
    """A real power; a float overflows at once where an integer grows for hours."""
    if a < 0 and b != int(b):
        raise ValueError("a root of a negative number")
    return float(float(a) ** b)


OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": raised,
}


def _constant_value(text: str, compute: Callable[[], float]) -> Expr:
    try:
        return number(compute())
    except (ArithmeticError, ValueError, TypeError):
        raise ExpressionError(f"{text} is not a number") from None


def value_of(expr: Expr) -> float | None:
    """The value of a constant, None for anything else."""
    return expr.info if expr.op == "number" else None


def in_any_order(left: Expr, right: Expr) -> Expr:
    """A product of matrices whose parentheses are there for speed only; a reader is shown none."""
    return contract("@", PRODUCTS[2, 2], [left, right], "any order")


def elementwise(name: str, x: Expr) -> Expr:
    """A function of every entry."""
    if x.op == "number":
        return _constant_value(f"{name}({x})", lambda: ELEMENTWISE[name].value(x.info))
    return Expr("call", (x,), name, shape=x.shape)


def contract(op: str, row: str, args: Sequence[Expr], info: Any = None) -> Expr:
    """A contraction is its einsum row, which gives its shape."""
    return Expr(op, tuple(args), info, row, contracted(op, row, args))


def length(x: Expr, axis: int | None) -> Expr:
    """``X.shape[0]``, or ``X.size``."""
    sizes = [Expr("size", info=dim) for dim in flat(x.shape if axis is None else [x.shape[axis]])]
    return reduce(mul, sizes) if sizes else number(1)


def sizes_in(expr: Expr) -> Sequence[str]:
    """The lengths that an operation needs by name."""
    if expr.op == "size":
        return [str(expr.info)] * (expr.info not in CONSTANTS)
    if expr.op in ("ones", "zeros", "eye", "reshape"):
        return flat(expr.shape)
    return []


def expand(x: Expr, axis: int) -> Expr:
    """``v[:, None]`` (axis 1) or ``v[None, :]`` (axis 0)."""
    if len(x.shape) != 1:
        index = "[:, None]" if axis else "[None, :]"
        raise ExpressionError(
            f"{index}: {label(x)} has shape {show_shape(x.shape)}; it must have 1 axis, as results have at most 2"
        )
    return contract("expand", "i->i1" if axis else "i->1i", [x], axis)


def squeeze(x: Expr, axis: int) -> Expr:
    """``X[:, 0]`` (axis 1) or ``X[0]`` (axis 0) of an axis of length 1."""
    letters = "ij"[: len(x.shape)]
    kept = letters.replace(letters[axis], "")
    return contract("squeeze", letters.replace(letters[axis], "1") + "->" + kept, [x], axis)


def reshape(x: Expr, shape: Shape) -> Expr:
    """Split or merge axes that are products; the entries keep their order."""
    if flat(x.shape) != flat(shape):
        raise ExpressionError(f"reshape: {show_shape(x.shape)} cannot become {show_shape(shape)}")
    x = x.args[0] if x.op == "reshape" else x
    return x if x.shape == shape else Expr("reshape", (x,), shape=shape)


def is_mask(expr: Expr) -> bool:
    """Whether an expression is a comparison."""
    return expr.op == "call" and expr.info in MASKS
