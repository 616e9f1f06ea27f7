"""The expression tree: what NumPy syntax says, with the dimensions of every part.

An axis is the tuple of the letters of its dimension: ``("n",)`` for ``n``, ``("k", "d")`` for the
product ``k*d`` and ``()`` for an axis of length 1, which has nothing to count.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from keyword import iskeyword
from typing import Any, Protocol, TypeAlias, TypeVar

from .errors import ExpressionError
from .functions import ALONG, ARRAY, ELEMENTWISE, MASKS, SQUARE, kind

Axis: TypeAlias = tuple[str, ...]
Shape: TypeAlias = tuple[Axis, ...]
Part = TypeVar("Part")

# A contraction is its einsum row. Parentheses merge axes, 1 is an axis of length 1.
ROWS = {
    "trace": "ii->",
    "outer": "i,j->ij",
    "kron": "ij,kl->(ik)(jl)",
}
PRODUCTS = {(1, 1): "i,i->", (1, 2): "i,ij->j", (2, 1): "ij,j->i", (2, 2): "ij,jk->ik"}
REDUCTIONS = ("sum", "mean", "norm", "var", "std")
ALIASES = {
    "tr": "trace",
    "dot": "@",
    "matmul": "@",
    "expit": "sigmoid",
    "absolute": "abs",
    "transpose": "T",
    "amax": "max",
    "amin": "min",
    "true_divide": "divide",
    "identity": "eye",
    "diagonal": "diag",
    "swish": "silu",
    "ln": "log",
    "inverse": "inv",
    "mse": "mean_squared_error",
    "ravel": "flatten",
    "logsigmoid": "log_sigmoid",
}


NO_NAMES = {
    "G_": "names gradients", "I_": "names identity matrices", "sum_": "is a sum sign",
    "np": "is NumPy", "numpy": "is NumPy", "tr": "is the trace",
}  # fmt: skip


CONSTANTS = {"pi": math.pi}  # numbers with a name; in an expression they are what lengths are


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

    def __init__(
        self, op: str, args: "tuple[Expr, ...]" = (), info: Any = None, row: str = "",
        shape: Shape = (),
    ) -> None:  # fmt: skip
        self.op, self.args, self.info, self.row, self.shape = op, args, info, row, shape
        self.size = 1
        for arg in args:
            self.size += arg.size
        self.symmetric = False  # known to be its own transpose

    __add__, __radd__ = operator("+")
    __sub__, __rsub__ = operator("-")
    __mul__, __rmul__ = operator("*")
    __truediv__, __rtruediv__ = operator("/")
    __gt__, __lt__ = operator(">")
    __ge__, __le__ = operator(">=")
    __pow__, __rpow__ = operator("**")

    def __matmul__(self, other: Any) -> "Expr":
        return _product(self, to_expr(other))

    def __neg__(self) -> "Expr":
        if self.op == "number":
            return number(-self.info)
        return Expr("neg", (self,), shape=self.shape)

    def __pos__(self) -> "Expr":
        return self

    def __abs__(self) -> "Expr":
        return call("abs", [self])

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
        if name not in KNOWN:
            raise AttributeError(name)
        return lambda *args, **options: call(name, [self, *map(to_expr, args)], options)

    def on(self, args: "tuple[Expr, ...]") -> "Expr":
        """The same operation on other operands of the same shapes."""
        return Expr(self.op, args, self.info, self.row, self.shape)

    def __str__(self) -> str:
        from .numpy_text import plain

        return plain(self)

    def __repr__(self) -> str:
        return f"<{self} : {show_shape(self.shape)}>"

    def latex(self) -> str:
        """The expression in matrix notation, as LaTeX."""
        from .latex import expression_latex

        return expression_latex(self)


class Function:
    """An unknown function: a scalar loss if its name is capitalised, else elementwise."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, arg: Any, **options: Any) -> Expr:
        """Apply the function."""
        return call(self.name, [to_expr(arg)], options)


def symbols(names: str, dims: dict[str, str] | str) -> Any:
    """Make symbols; a name that `dims` does not have is a function.

    Parameters
    ----------
    names : str
        Names, separated by spaces.
    dims : dict or str
        The dimensions of each name, as in `derive`.

    Returns
    -------
    Expr or Function, or a list of them

    Raises
    ------
    ExpressionError
        If a name or a dimension cannot be read.

    Examples
    --------
    >>> X, W, L = symbols("X W L", dims={"X": "n i", "W": "o i"})
    >>> print(L(X @ W.T))
    L(X @ W.T)
    """
    shapes = read_dims(dims)
    made = [
        name_expr(name, shapes[name]) if name in shapes else Function(name) for name in names.replace(",", " ").split()
    ]
    return made[0] if len(made) == 1 else made


def read_dims(dims: dict[str, str] | str) -> dict[str, Shape]:
    """Read ``{"X": "n i", "a": "k*d", "c": ""}`` or ``"X: n i, a: k*d, c:"``."""
    if isinstance(dims, str):
        parts = [part.split(":") for part in dims.replace(";", ",").split(",") if part.strip()]
        found: dict[str, str] = {}
        for part in parts:
            if len(part) != 2 or "(" in part[1]:
                raise ExpressionError(
                    f"dims: {':'.join(part)!r} must be of the form 'name: n i'; a space separates axes"
                )
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
            raise ExpressionError(f"dims: {name!r} cannot be a name beside {name[1:]}, whose differential it is")
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


def flat(axes: Iterable[tuple[Part, ...]]) -> tuple[Part, ...]:
    """What the axes consist of, dimensions or letters, side by side."""
    return tuple([one for axis in axes for one in axis])


def show_axis(axis: Axis) -> str:
    """Show an axis as the user writes it."""
    return "*".join(axis) or "1"


def show_shape(shape: Shape) -> str:
    """Show a shape as the user writes it."""
    return "(" + ", ".join(map(show_axis, shape)) + ("," if len(shape) == 1 else "") + ")"


def name_expr(name: str, shape: Shape) -> Expr:
    """A declared name."""
    return Expr("name", info=name, shape=shape)


def number(value: float) -> Expr:
    """A constant; a whole number is kept as an integer."""
    if not abs(value) <= 1.7976931348623157e308:
        raise ExpressionError(f"{value} is not a number to derive with")
    return Expr("number", info=whole(value) if abs(value) < 1e15 else float(value))


def whole(value: float) -> float:
    """A number as an integer if it is one."""
    return int(value) if value == int(value) else value


def show_number(value: float) -> str:
    """Print a number; the logarithm of a small whole number by its name."""
    base = round(math.exp(min(abs(value), 5)))
    return ("-" if value < 0 else "") + f"log({base})" if abs(value) == math.log(base) != 0 else repr(value)


def to_expr(value: Any) -> Expr:
    """Accept an expression or a number."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    raise ExpressionError(f"{value!r} ({type(value).__name__}) is neither a symbol nor a number")


def _label(expr: Expr) -> str:
    text = str(expr) if expr.size < 30 else expr.op
    return text if len(text) <= 30 else text[:27] + "..."


def arithmetic(op: str, a: Expr, b: Expr) -> Expr:
    """Elementwise ``+ - * / **`` and comparisons, with NumPy broadcasting."""
    if op in (">", "=="):
        return call("step" if op == ">" else "iszero", [arithmetic("-", a, b)])
    if op == "<":
        return arithmetic(">", b, a)
    if op in OPPOSITE:
        return 1 - arithmetic(OPPOSITE[op], a, b)
    if a.op == b.op == "number":
        return _constant_value(f"{a} {op} {b}", lambda: OPERATIONS[op](a.info, b.info))
    if op == "/" and b.info == 0 and b.op == "number":
        raise ExpressionError("division by zero")
    if op == "**":
        b = _in_numbers(b)
    if op == "**" and value_of(b) is None and (b.shape or a.op == "number"):
        return call("exp", [arithmetic("*", b, call("log", [a]))])
    return Expr(op, (a, b), shape=broadcast(op, a, b))


OPPOSITE = {"<=": ">", ">=": "<", "!=": "=="}


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


def _in_numbers(expr: Expr) -> Expr:
    """A constant such as ``pi / 2`` as a number; anything else as it is."""
    if expr.op == "number":
        return expr
    made: dict[int, Expr] = {}
    for part in postorder([expr]):
        if part.op in OPERATIONS:
            made[id(part)] = arithmetic(part.op, *[made[id(arg)] for arg in part.args])
        elif part.op == "number" or part.info in CONSTANTS:
            made[id(part)] = part if part.op == "number" else number(CONSTANTS[part.info])
        else:
            return expr
    return made[id(expr)]


def value_of(expr: Expr) -> float | None:
    """The value of a constant, None for anything else."""
    return expr.info if expr.op == "number" else None


def broadcast(op: str, a: Expr, b: Expr) -> Shape:
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
                f"{_label(a)} has shape {show_shape(a.shape)} and {_label(b)} has shape "
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


def contract(op: str, row: str, args: Sequence[Expr], info: Any = None) -> Expr:
    """A contraction; the einsum row gives its shape and finds axes that do not match."""
    key = row, tuple([arg.shape for arg in args])
    if key not in _SHAPES:
        _SHAPES[key] = _contracted(op, row, args)
    return Expr(op, tuple(args), info, row, _SHAPES[key])


_SHAPES: dict[tuple[str, tuple[Shape, ...]], Shape] = {}


def _contracted(op: str, row: str, args: Sequence[Expr]) -> Shape:
    inputs, output = read_row(row)
    dims: dict[str, tuple[str, Expr, int]] = {}
    for arg, axes in zip(args, inputs):
        if len(arg.shape) != len(axes):
            raise ExpressionError(
                f"{op}: {_label(arg)} has shape {show_shape(arg.shape)}, "
                f"but must have {len(axes)} {'axis' if len(axes) == 1 else 'axes'}"
            )
        for position, (letters, axis) in enumerate(zip(axes, arg.shape)):
            for letter in letters:  # none for an axis of length 1
                dim = show_axis(axis)
                other = dims.setdefault(letter, (dim, arg, position))
                if other[0] != dim:
                    raise ExpressionError(
                        f"{op}: axis {other[2]} of {_label(other[1])} is {other[0]} and axis "
                        f"{position} of {_label(arg)} is {dim}; they must be the same"
                    )
    return tuple(tuple(p for letter in axis for p in dims[letter][0].split("*") if p != "1") for axis in output)


def einsum(row: str, args: Sequence[Expr]) -> Expr:
    """The contraction that a row spells out."""
    row = row.replace(" ", "")
    inputs, arrow, output = row.partition("->")
    letters = set(inputs) - {","}
    if not arrow or len(inputs.split(",")) != len(args) or set(output) - letters:
        raise ExpressionError(
            f"einsum: {row!r} needs one group of letters per array, '->', and in the result only "
            "letters that occur before it"
        )
    if not all(letter.isalpha() and letter.isascii() for letter in letters) or len(set(output)) < len(output):
        raise ExpressionError(f"einsum: {row!r} may hold letters only, each at most once in the result")
    return contract("einsum", row, args)


def _reduction(name: str, x: Expr, axis: int | None, keepdims: bool) -> Expr:
    letters = "ij"[: len(x.shape)]
    kept = "" if axis is None else letters.replace(letters[axis], "")
    if keepdims:
        kept = "".join(c if c in kept else "1" for c in letters)
    return contract(name, f"{letters}->{kept}", [x], (axis, keepdims))


def _axis(name: str, x: Expr, value: Any) -> int | None:
    rank = len(x.shape)
    if isinstance(value, tuple) and len(value) == 1:
        (value,) = value
    if value in (None, (0, 1), (1, 0), (-2, -1)) and (value is None or rank == 2):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not -rank <= value < rank:
        raise ExpressionError(
            f"{name}: axis is {value!r}; {_label(x)} with shape {show_shape(x.shape)} has "
            f"{'no axes' if not rank else 'axes 0 to ' + str(rank - 1)}"
            f"{f'; with a number it is {name}imum' * (name in ('max', 'min'))}"
        )
    return value % rank


def call(name: str, args: list[Expr], options: dict[str, Any] | None = None) -> Expr:
    """Apply a function by name; a name that is not known is an unknown function."""
    options = dict(options or {})
    name = ALIASES.get(name, name)
    if name in REFUSED:
        raise ExpressionError(name + REFUSED[name])
    if name in RESERVED and not (name in ELEMENTWISE or name in ROWS or name in MACROS):
        raise ExpressionError(f"{name} is not supported; choose another name for a function of your own")
    if name in ("ones", "zeros", "eye"):
        return _constant(name, args)
    if name in ("max", "min") and len(args) == 2 and value_of(args[1]) == 0:
        raise ExpressionError(f"{name}(X, 0) may be {name}(X, axis=0) or {name}imum(X, 0); write the one that is meant")
    if (name in REDUCTIONS or kind(name) in ALONG) and len(args) == 2 and value_of(args[1]) is not None:
        options.setdefault("ord" if name == "norm" else "axis", args.pop().info)
    if name == "leaky_relu" and len(args) == 2:  # with a slope of its own
        return _where(args[0] > 0, args[0], args[1] * args[0])
    arity = ROWS[name].count(",") + 1 if name in ROWS else MACROS[name].__code__.co_argcount if name in MACROS else 1
    known = name if name in KNOWN else name.lower() if name.lower() in KNOWN and len(name) > 1 else ""
    if known != name and known:
        raise ExpressionError(f"{name} is not known; {known} is. Choose another name for a function of your own")
    if len(args) != arity:
        hint = f"; the {name} of two arrays is {name}imum(a, b)" if name in ("max", "min") and len(args) == 2 else ""
        raise ExpressionError(f"{name} takes {arity} argument{'s' * (arity > 1)}, not {len(args)}{hint}")
    x = args[0]
    reduces = name in REDUCTIONS or kind(name) == "number"
    allowed = ["axis"] * (reduces or kind(name) in ALONG) + ["keepdims"] * reduces + ["ord"] * (name == "norm")
    for option in options:
        if option not in allowed:
            raise ExpressionError(f"{name} takes no argument {option}=")
    keepdims = options.get("keepdims", False)
    axis = _axis(name, x, options.get("axis"))
    if kind(name) in ALONG and axis is None and name not in ("max", "min"):
        if kind(name) == "number" and len(x.shape) > 1 and not keepdims:  # of all entries
            return call(name, [call("flatten", [x])])
        axis = _axis(name, x, -1)
    if "axis" in options:
        options["axis"] = axis
    if name in MACROS:
        made: Expr = MACROS[name](*args, **options)
        return made
    if name == "kron" and [len(arg.shape) for arg in args] == [1, 1]:
        return contract(name, "i,j->(ij)", args)
    if name in ROWS:
        return contract(name, ROWS[name], args)
    if name in ("sum", "mean") and not x.shape:
        return x
    if name in ("sum", "mean"):
        return _reduction(name, x, axis, keepdims)
    if kind(name) in SQUARE:
        if len(x.shape) != 2 or x.shape[0] != x.shape[1]:
            raise ExpressionError(f"{name}: {_label(x)} has shape {show_shape(x.shape)}; it must be square")
        return Expr(name, (x,), shape=x.shape if kind(name) == "matrix" else ())
    if kind(name) in ALONG:
        return _along(name, x, axis, keepdims)
    if name in ELEMENTWISE and x.op == "number":
        return _constant_value(f"{name}({x})", lambda: ELEMENTWISE[name].value(x.info))
    if name in ELEMENTWISE:
        return Expr("call", (x,), name, shape=x.shape)
    if name[0].isupper():
        if "'" in name:
            raise ExpressionError(f"{name}: the gradient of a loss L is called G, of K G_K")
        return Expr("loss", (x,), name)
    if meant := misspelled(name):
        raise ExpressionError(f"{name} is not known; {meant} is. Choose another name for a function of your own")
    return Expr("unknown", (x,), name, shape=x.shape)


def misspelled(name: str) -> str:
    """A function that a name may have been meant for: ``sofmax``; of a short one, with its letters: ``tahn``."""
    if len(name) < 5:
        return next((known for known in sorted(KNOWN) if len(name) > 3 and sorted(known) == sorted(name)), "")
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, KNOWN, 1, 0.85)), "")


def _constant(name: str, args: list[Expr]) -> Expr:
    shape = tuple(read_axis(name, arg) for arg in args)
    if name == "eye":
        shape = shape * 2 if len(shape) == 1 else shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ExpressionError(f"eye takes one dimension, not {len(args)}; an identity matrix is square")
    if not shape:
        raise ExpressionError(f"{name} needs a dimension")
    return Expr(name, shape=shape)


def read_axis(name: str, size: Expr) -> Axis:
    """Give the axis whose length is ``n``, ``k*d`` or ``1``."""
    if size.op == "size":
        return (str(size.info),)
    if size.op == "*":
        return read_axis(name, size.args[0]) + read_axis(name, size.args[1])
    if value_of(size) == 1:
        return ()
    raise ExpressionError(f"{name}: {_label(size)} is not one of the dimensions")


def _product(a: Expr, b: Expr) -> Expr:
    ranks = (len(a.shape), len(b.shape))
    if ranks not in PRODUCTS:
        scalar = a if not a.shape else b
        raise ExpressionError(f"@: {_label(scalar)} is a scalar; write * for a multiple")
    return contract("@", PRODUCTS[ranks], [a, b])


def _along(name: str, x: Expr, axis: int | None, keepdims: bool) -> Expr:
    if not any(x.shape if axis is None else [x.shape[axis]]):
        raise ExpressionError(f"{name}: {_label(x)} has only one entry along that axis")
    kept: Shape
    if axis is None:
        axis, kept = -1, ((),) * len(x.shape) if keepdims else ()
    elif kind(name) == "row":
        kept = x.shape
    else:
        kept = x.shape[:axis] + (((),) if keepdims else ()) + x.shape[axis + 1 :]
    return Expr(name, (x,), (axis, keepdims), shape=kept)


def length(x: Expr, axis: int | None) -> Expr:
    """``X.shape[0]``, or ``X.size``."""
    dims = [dim for at, own in enumerate(x.shape) for dim in own if axis in (None, at)]
    size = number(1) if not dims else Expr("size", info=dims[0])
    for dim in dims[1:]:
        size = size * Expr("size", info=dim)
    return size


def sizes_in(expr: Expr) -> Sequence[str]:
    """The lengths that an operation needs by name."""
    if expr.op == "size":
        return [str(expr.info)] * (expr.info not in CONSTANTS)
    if expr.op in ("ones", "zeros", "eye", "reshape"):
        return flat(expr.shape)
    return []


def expand(x: Expr, axis: int) -> Expr:
    """``v[:, None]`` (axis 1) or ``v[None, :]`` (axis 0)."""
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


def read_shape(x: Expr, sizes: Sequence[Expr]) -> Shape:
    """The shape that ``reshape(n, -1)`` asks for: one axis may be -1, which is what the others leave."""
    axes = [None if value_of(size) == -1 else read_axis("reshape", size) for size in sizes]
    if None not in axes:
        return tuple([axis or () for axis in axes])
    if axes.count(None) > 1:
        raise ExpressionError("reshape: only one axis may be -1")
    at = axes.index(None)
    dims = flat(x.shape)
    before, after = [sum([len(axis or ()) for axis in part]) for part in (axes[:at], axes[at + 1 :])]
    axes[at] = dims[before : len(dims) - after]
    return tuple([axis or () for axis in axes])


def _norm(x: Expr, *, ord: Any = None, **options: Any) -> Expr:  # noqa: A002 - its name in NumPy
    vector = len(x.shape) == 1 or options.get("axis") is not None
    if ord == 1 and vector:
        return call("sum", [call("abs", [x])], options)
    if ord not in (None, 2 if vector else "fro"):
        known = "1 and 2 are" if vector else "'fro' is"
        raise ExpressionError(f"norm: ord={ord!r} of a {'vector' if vector else 'matrix'} is not supported; {known}")
    return call("sum", [x**2], options) ** 0.5


def _power(x: Expr, count: Expr) -> Expr:
    times = value_of(count)
    if times is None or times != int(times) or not 1 <= abs(times) <= 20:
        raise ExpressionError("matrix_power: the power must be a whole number from -20 to 20, and not 0")
    base = call("inv", [x]) if times < 0 else x
    result = base
    for _ in range(abs(int(times)) - 1):
        result = result @ base
    return result


def _maximum(a: Expr, b: Expr) -> Expr:
    if value_of(a) == 0 or value_of(b) == 0:
        return call("relu", [b if value_of(a) == 0 else a])
    return _where(a > b, a, b)  # one of the two to the last digit, which b + relu(a - b) is not


def _minimum(a: Expr, b: Expr) -> Expr:
    if value_of(a) == 0 or value_of(b) == 0:
        return -_maximum(-a, -b)
    return _where(a < b, a, b)


def _var(x: Expr, **options: Any) -> Expr:
    centred = x - call("mean", [x], dict(options, keepdims=True))
    return call("mean", [centred**2], options)


def _where(mask: Expr, a: Expr, b: Expr) -> Expr:
    if not _is_condition(mask):
        raise ExpressionError(f"where: {_label(mask)} is no comparison; write {_label(mask)} != 0")
    if mask.op == "-":  # the opposite of a comparison
        mask, a, b = mask.args[1], b, a
    return mask * a + (1 - mask) * b


def is_mask(expr: Expr) -> bool:
    """Whether an expression is a comparison."""
    return expr.op == "call" and expr.info in MASKS


def _is_condition(expr: Expr) -> bool:
    """Whether an expression is a comparison, the opposite of one, or a product of such."""
    if expr.op == "-":
        return value_of(expr.args[0]) == 1 and _is_condition(expr.args[1])
    return is_mask(expr) or (expr.op == "*" and all(map(_is_condition, expr.args)))


def _cross_entropy(z: Expr, t: Expr) -> Expr:
    total = call("sum", [call("logsumexp", [z], {"axis": -1})]) - call("sum", [t * z])
    return total / length(z, 0) if len(z.shape) == 2 else total


# Functions that are abbreviations.
MACROS: dict[str, Any] = {
    "T": lambda x: x.T,
    "@": lambda x, y: x @ y,
    "diag": lambda x: contract("diag", "i->ii" if len(x.shape) == 1 else "ii->i", [x]),
    "sqrt": lambda x: x**0.5,
    "square": lambda x: x**2,
    "norm": _norm,
    "vdot": lambda x, y: call("sum", [x * y]),
    "inner": lambda x, y: x @ y.T,
    "solve": lambda a, b: call("inv", [a]) @ b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "negative": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "hypot": lambda a, b: (a**2 + b**2) ** 0.5,
    "ones_like": lambda x: Expr("ones", shape=x.shape),
    "zeros_like": lambda x: Expr("zeros", shape=x.shape),
    "flatten": lambda x: reshape(x, (flat(x.shape),)),
    "maximum": _maximum,
    "minimum": _minimum,
    "logaddexp": lambda a, b: call("softplus", [b]) if a.info == 0 else a + call("softplus", [b - a]),
    # where x > low and x < high; the bounds elsewhere
    "clip": lambda x, low, high: (x > low) * (x < high) * x + (1 - (x > low)) * low + (1 - (x < high)) * high,
    "where": _where,
    "var": _var,
    "std": lambda x, **options: _var(x, **options) ** 0.5,
    "matrix_power": _power,
    # The rows of the targets sum to one, which is what makes this the cross-entropy.
    "softmax_cross_entropy": _cross_entropy,
    "sigmoid_cross_entropy": lambda z, t: call("sum", [call("softplus", [z]) - t * z]) / length(z, 0),
    "mean_squared_error": lambda y, t: call("mean", [(y - t) ** 2]),
    "log_sigmoid": lambda x: -call("softplus", [-x]),
}
FLAT = ("argmax", "argmin", "argsort", "floor", "ceil", "round", "rint", "trunc", "fix", "around", "floor_divide")
REFUSED = {
    **dict.fromkeys(FLAT, " is not supported: it jumps, and where it has a derivative it is zero"),
    "vec": " is X.T.flatten() if it stacks columns, X.flatten() if it stacks rows",
    "einsum": ": the subscripts come first, in quotes: einsum('ni,oi->no', X, W)",
}
# Functions of NumPy, SciPy and Python that no unknown function should be mistaken for.
_OTHERS = """
    all allclose angle any append arange arccosh arcsinh arctan2 arctanh argmax argmin argpartition argsort around
    array asarray attention average batch_norm bincount block bool broadcast_to cbrt ceil cholesky column_stack
    compile complex concatenate cond conj conjugate conv conv1d conv2d convolve copy copysign corrcoef correlate cov
    cross cross_entropy cummax cummin cumprod cumsum d diagflat diff digamma digitize divmod dropout dsplit eig entropy eigh
    eigvals eigvalsh embedding empty equal eval exec exp2 expand_dims expm fft fill_diagonal fix flip fliplr flipud
    float floor floor_divide fmax fmin fmod frexp full gamma gammaln geomspace gradient greater greater_equal
    group_norm hadamard hardtanh heaviside histogram hsplit hstack ifft imag imread indices input int interp isclose isfinite
    isinf isnan layer_norm layernorm len less less_equal lgamma linspace logical_and logical_not logical_or logit logspace lstsq
    matrix_rank matrix_transpose max_pool median meshgrid mish mod moveaxis multi_dot nan_to_num nanmax nanmean nanmin
    nanstd nansum nanvar nonzero normalize not_equal open pad partition percentile permute_dims pinv polyfit polyval positive
    print prod product ptp put qr quantile rad2deg rank real remainder repeat reshape resize rint rms_norm roll rot90
    round round_ searchsorted select selu sinc size slogdet sort split sqrtm squeeze stack svd svdvals swapaxes take
    take_along_axis tensordot tensorinv tensorsolve tile trapezoid tri tril triu trunc unique unravel_index unwrap
    vander vsplit vstack
"""
RESERVED = frozenset(_OTHERS.split())
KNOWN: set[str] = {
    *ROWS, *ARRAY, *REDUCTIONS, *ALIASES, *ELEMENTWISE, *MACROS
}  # fmt: skip


class Parted(Protocol):
    """An expression, or a formula."""

    @property
    def args(self) -> Sequence[Any]:
        """What it is made of."""


Tree = TypeVar("Tree", bound=Parted)


def postorder(roots: Iterable[Tree]) -> list[Tree]:
    """Every part of the trees once, arguments first, without recursion."""
    done: dict[int, Tree] = {}
    stack = list(roots)
    while stack:
        top = stack[-1]
        waiting = [arg for arg in top.args if id(arg) not in done]
        if id(top) in done or not waiting:
            done[id(top)] = top
            stack.pop()
        else:
            stack.extend(reversed(waiting))
    return list(done.values())


def numbered(roots: Sequence[Expr]) -> tuple[dict[int, int], list[Expr]]:
    """Give equal expressions the same number: the number of every part by its id, and a part for every number."""
    known: dict[Any, int] = {}
    number: dict[int, int] = {}
    unique: list[Expr] = []
    for expr in postorder(roots):
        key = expr.op, expr.info, expr.row, tuple([number[id(arg)] for arg in expr.args]), expr.shape
        if key not in known:
            known[key] = len(unique)
            unique.append(expr)
        number[id(expr)] = known[key]
    return number, unique
