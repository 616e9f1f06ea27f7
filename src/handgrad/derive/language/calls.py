"""Functions by name: contractions, functions with a row, abbreviations, and unknown functions."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .dims import Axis, Item, Shape, flat, read_dims, show_shape
from .errors import ExpressionError
from .expression import Expr, contract, elementwise, is_mask, length, name_expr, reshape, to_expr, value_of
from .functions import ALONG, ARRAY, ELEMENTWISE, SQUARE, kind
from .names import ALIASES, OPTIONS, REFUSED
from .shapes import label

# A contraction is its einsum row. Parentheses merge axes, 1 is an axis of length 1.
ROWS = {
    "trace": "ii->",
    "outer": "i,j->ij",
    "kron": "ij,kl->(ik)(jl)",
}


def unknown(name: str) -> Callable[..., Expr]:
    """An unknown function: a scalar loss if its name is capitalised, else elementwise."""
    return lambda arg, **options: call(name, [to_expr(arg)], options)


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
    Expr or function, or a list of them

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
        name_expr(name, shapes[name]) if name in shapes else unknown(name) for name in names.replace(",", " ").split()
    ]
    return made[0] if len(made) == 1 else made


def einsum(row: str, args: Sequence[Expr]) -> Expr:
    """The contraction that a row spells out; without an arrow the result has the letters that occur once."""
    row = row.replace(" ", "")
    inputs, arrow, output = row.partition("->")
    letters = set(inputs) - {","}
    if not arrow:
        row += "->" + "".join(sorted([letter for letter in letters if inputs.count(letter) == 1]))
    if len(inputs.split(",")) != len(args) or set(output) - letters:
        raise ExpressionError(
            f"einsum: {row!r} needs one group of letters per array, and in the result only letters that occur before it"
        )
    if not all(letter.isalpha() and letter.isascii() for letter in letters) or len(set(output)) < len(output):
        raise ExpressionError(f"einsum: {row!r} may hold letters only, each at most once in the result")
    return contract("einsum", row, args)


def signature(name: str) -> tuple[int, Sequence[str]]:
    """How many arrays a function takes, and which options."""
    if name in MACROS:
        code = MACROS[name].__code__
        return code.co_argcount, code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    if name in ROWS:
        return ROWS[name].count(",") + 1, []
    return 1, {"row": ["axis"], "number": ["axis", "keepdims"]}.get(kind(name), [])


def call(name: str, args: Sequence[Expr], options: dict[str, Any] | None = None) -> Expr:
    """Apply a function by name; a name that is not known is an unknown function."""
    name = ALIASES.get(name, name)
    # Entropy may be a loss, LayerNorm is none; a row of one's own may be called so
    refused = REFUSED.get(name if name == name.capitalize() else name.lower())
    if refused and name not in KNOWN:
        raise ExpressionError(name + refused)
    if name in ("ones", "zeros", "eye"):
        return _constant(name, args)
    if name in ("max", "min") and len(args) == 2 and value_of(args[1]) == 0:
        of = label(args[0])
        raise ExpressionError(
            f"{name}({of}, 0) may be {name}({of}, axis=0) or {name}imum({of}, 0); write what is meant"
        )
    if name == "leaky_relu" and len(args) == 2:  # with a slope of its own
        return _where(args[0] > 0, args[0], args[1] * args[0])
    arity, allowed = signature(name)
    options = dict(options or {})
    if allowed and len(args) == 2 and value_of(args[1]) is not None:  # sum(X, 0)
        options.setdefault(allowed[0], args[1].info)
        args = args[:1]
    if name not in KNOWN and (meant := _meant(name)):
        raise ExpressionError(f"{name} is not known; {meant} is. Choose another name for a function of your own")
    for option in options:
        if option not in allowed:
            raise ExpressionError(f"{name} takes no argument {option}={OPTIONS.get(option, '')}")
    if len(args) != arity:
        hint = f"; the {name} of two arrays is {name}imum(a, b)" if name in ("max", "min") and len(args) == 2 else ""
        raise ExpressionError(f"{name} takes {arity} argument{'s' * (arity > 1)}, not {len(args)}{hint}")
    x = args[0]
    if "axis" in options:
        options["axis"] = _axis(name, x, options["axis"])
    if name in MACROS:
        made: Expr = MACROS[name](*args, **options)
        return made
    if name == "kron" and [len(arg.shape) for arg in args] == [1, 1]:
        return contract(name, "i,j->(ij)", args)
    if name in ROWS:
        return contract(name, ROWS[name], args)
    if kind(name) in SQUARE:
        if len(x.shape) != 2 or x.shape[0] != x.shape[1]:
            raise ExpressionError(f"{name}: {label(x)} has shape {show_shape(x.shape)}; it must be square")
        return Expr(name, (x,), shape=x.shape if kind(name) == "matrix" else ())
    if kind(name) in ALONG:
        return _along(name, x, **options)
    if name in ELEMENTWISE:
        return elementwise(name, x)
    if name[0].isupper():
        if "'" in name:
            raise ExpressionError(f"{name}: the gradient of a loss L is called G, of K G_K")
        return Expr("loss", (x,), name)
    return Expr("unknown", (x,), name, shape=x.shape)


def _meant(name: str) -> str:
    """The function that was meant, if it is no function of one's own: ``Tr``, ``MSE``, ``sofmax``."""
    if name.lower() in KNOWN and len(name) > 1:
        return name.lower()
    return "" if name[0].isupper() else misspelled(name)


def _axis(name: str, x: Expr, value: Any) -> int | None:
    rank = len(x.shape)
    if isinstance(value, tuple) and len(value) == 1:
        (value,) = value
    if value in (None, (0, 1), (1, 0), (-2, -1)) and (value is None or rank == 2):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not -rank <= value < rank:
        raise ExpressionError(
            f"{name}: axis is {value!r}; {label(x)} with shape {show_shape(x.shape)} has "
            f"{'no axes' if not rank else 'axes 0 to ' + str(rank - 1)}"
            f"{f'; with a number it is {name}imum' * (name in ('max', 'min'))}"
        )
    return value % rank


def is_loss(name: str) -> bool:
    """Whether a function of that name is an unknown scalar loss: it is capitalised, and not known."""
    return name[:1].isupper() and name not in KNOWN


def misspelled(name: str) -> str:
    """A function that a name may have been meant for: ``sofmax``; of a short one, with its letters: ``tahn``."""
    if len(name) < 5:
        return next((known for known in sorted(KNOWN) if len(name) > 3 and sorted(known) == sorted(name)), "")
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, KNOWN, 1, 0.85)), "")


def _constant(name: str, args: Sequence[Expr]) -> Expr:
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
    raise ExpressionError(f"{name}: {label(size)} is not one of the dimensions")


def _reduced(axes: Iterable[Item], one: Item, axis: int | None, keepdims: bool) -> Iterator[Item]:
    """What a reduction leaves of some axes: without the reduced ones, or with an axis of length 1 in their place."""
    for at, own in enumerate(axes):
        if axis not in (None, at):
            yield own
        elif keepdims:
            yield one


def _reduction(name: str, x: Expr, axis: int | None = None, keepdims: bool = False) -> Expr:
    if not x.shape:
        return x
    letters = "ij"[: len(x.shape)]
    return contract(name, f"{letters}->{''.join(_reduced(letters, '1', axis, keepdims))}", [x], (axis, keepdims))


def _along(name: str, x: Expr, *, keepdims: bool = False, **options: int | None) -> Expr:
    rows = kind(name) == "row"
    axis = _axis(name, x, -1) if rows and "axis" not in options else options.get("axis")
    if axis is None and name not in ("max", "min"):
        if len(x.shape) > 1:  # of all entries
            return reshape(call(name, [x.flatten()]), x.shape if rows else ((),) * len(x.shape) * keepdims)
        axis = _axis(name, x, -1)
    if not any(x.shape if axis is None else [x.shape[axis]]):
        raise ExpressionError(f"{name}: {label(x)} has only one entry along that axis")
    kept = x.shape if rows else tuple(_reduced(x.shape, (), axis, keepdims))
    return Expr(name, (x,), (-1 if axis is None else axis, keepdims), shape=kept)


def read_shape(x: Expr, sizes: Sequence[Expr]) -> Shape:
    """The shape that ``reshape(n, -1)`` asks for: one axis may be -1, which is what the others leave."""
    values, dims = list(map(value_of, sizes)), flat(x.shape)
    if -1 not in values:
        return tuple([read_axis("reshape", size) for size in sizes])
    if values.count(-1) > 1:
        raise ExpressionError("reshape: only one axis may be -1")
    at = values.index(-1)
    before, after = read_shape(x, sizes[:at]), read_shape(x, sizes[at + 1 :])
    return (*before, dims[len(flat(before)) : len(dims) - len(flat(after))], *after)


def _norm(x: Expr, *, ord: Any = None, axis: int | None = None, keepdims: bool = False) -> Expr:  # noqa: A002 - its name in NumPy
    vector = len(x.shape) == 1 or axis is not None
    if ord == 1 and vector:
        return abs(x).sum(axis=axis, keepdims=keepdims)
    if ord not in (None, 2 if vector else "fro"):
        known = "1 and 2 are" if vector else "'fro' is"
        raise ExpressionError(f"norm: ord={ord!r} of a {'vector' if vector else 'matrix'} is not supported; {known}")
    return (x**2).sum(axis=axis, keepdims=keepdims) ** 0.5


def _power(x: Expr, count: Expr) -> Expr:
    times = value_of(count)
    if times is None or times != int(times) or not 1 <= abs(times) <= 20:
        raise ExpressionError("matrix_power: the power must be a whole number from -20 to 20, and not 0")
    base = x.inv() if times < 0 else x
    result = base
    for _ in range(abs(int(times)) - 1):
        result = result @ base
    return result


def _maximum(a: Expr, b: Expr) -> Expr:
    if value_of(a) == 0 or value_of(b) == 0:
        return (b if value_of(a) == 0 else a).relu()
    return _where(a > b, a, b)  # one of the two to the last digit, which b + relu(a - b) is not


def _minimum(a: Expr, b: Expr) -> Expr:
    if value_of(a) == 0 or value_of(b) == 0:
        return -_maximum(-a, -b)
    return _where(a < b, a, b)


def _var(x: Expr, *, axis: int | None = None, keepdims: bool = False) -> Expr:
    centred = x - x.mean(axis=axis, keepdims=True)
    return (centred**2).mean(axis=axis, keepdims=keepdims)


def _where(mask: Expr, a: Expr, b: Expr) -> Expr:
    if not _is_condition(mask):
        raise ExpressionError(f"where: {label(mask)} is no comparison; write {label(mask)} != 0")
    if value_of(b) == 0:
        return mask * a
    return (1 - mask) * b if value_of(a) == 0 else mask * a + (1 - mask) * b


def _is_condition(expr: Expr) -> bool:
    """Whether an expression is a comparison, the opposite of one, or a product of such."""
    if expr.op == "-":
        return value_of(expr.args[0]) == 1 and _is_condition(expr.args[1])
    return is_mask(expr) or (expr.op == "*" and all(map(_is_condition, expr.args)))


def _cross_entropy(z: Expr, t: Expr) -> Expr:
    if len(t.shape) < len(z.shape):
        raise ExpressionError(
            f"softmax_cross_entropy: {label(t)} has shape {show_shape(t.shape)} and {label(z)} {show_shape(z.shape)}; "
            "the targets are rows of probabilities, one for each row of logits"
        )
    total = z.logsumexp(axis=-1).sum() - (t * z).sum()
    return total / length(z, 0) if len(z.shape) == 2 else total


# Functions that are abbreviations: what can be written in the language, in the language.
MACROS: dict[str, Callable[..., Expr]] = {
    "T": lambda x: x.T,
    "@": lambda x, y: x @ y,
    "sum": lambda x, *, axis=None, keepdims=False: _reduction("sum", x, axis, keepdims),
    "mean": lambda x, *, axis=None, keepdims=False: _reduction("mean", x, axis, keepdims),
    "var": _var,
    "std": lambda x, *, axis=None, keepdims=False: _var(x, axis=axis, keepdims=keepdims) ** 0.5,
    "norm": _norm,
    "diag": lambda x: contract("diag", "i->ii" if len(x.shape) == 1 else "ii->i", [x]),
    "sqrt": lambda x: x**0.5,
    "square": lambda x: x**2,
    "vdot": lambda x, y: (x * y).sum(),
    "inner": lambda x, y: x @ y.T,
    "solve": lambda a, b: a.inv() @ b,
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
    "logaddexp": lambda a, b: b.softplus() if a.info == 0 else a + (b - a).softplus(),
    # where x > low and x < high; the bounds elsewhere
    "clip": lambda x, low, high: (x > low) * (x < high) * x + (1 - (x > low)) * low + (1 - (x < high)) * high,
    "where": _where,
    "matrix_power": _power,
    # The rows of the targets sum to one, which is what makes this the cross-entropy.
    "softmax_cross_entropy": _cross_entropy,
    "sigmoid_cross_entropy": lambda z, t: (z.softplus() - t * z).sum() / length(z, 0),
    "mean_squared_error": lambda y, t: ((y - t) ** 2).mean(),
    "log_sigmoid": lambda x: -(-x).softplus(),
}
KNOWN = ChainMap[str, Any](ROWS, ARRAY, ELEMENTWISE, MACROS, ALIASES)
