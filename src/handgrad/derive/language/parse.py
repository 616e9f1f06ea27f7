"""Give a formula in NumPy syntax its dimensions: from what is written to the expression tree."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from .calls import call, einsum, read_shape
from .dims import CONSTANTS, Shape, flat, show_shape
from .errors import ExpressionError
from .expression import Expr, arithmetic, expand, length, name_expr, number, reshape, squeeze
from .formula import Part, read_formula
from .trees import postorder

INDEXED: dict[str, tuple[Callable[[Expr, int], Expr], int]] = {
    "None,:": (expand, 0), "None": (expand, 0),
    ":,0": (squeeze, 1), "0": (squeeze, 0), "0,:": (squeeze, 0),
}  # fmt: skip
FOREIGN = {":": "':' is no operator; A : B is sum(A * B)", "inverse": "an inverse is inv(A)"}


def parse(text: str, shapes: Mapping[str, Shape], sizes: Collection[str] = ()) -> Expr:
    """Read an expression.

    Parameters
    ----------
    text : str
        NumPy syntax.
    shapes : dict
        The axes of every name.
    sizes : collection of str
        Further dimensions that may be used as numbers.

    Returns
    -------
    Expr

    Raises
    ------
    ExpressionError
        With a caret under the offending part.

    Examples
    --------
    >>> parse("np.sum(X, axis=0)", {"X": (("n",), ("i",))}).shape
    (('i',),)
    """
    return typed(read_formula(text), text, shapes, sizes)


Meaning: TypeAlias = Callable[[Part, list[Expr], Mapping[str, Expr]], Expr]


def in_numpy(node: Part, args: list[Expr], names: Mapping[str, Expr]) -> Expr:
    """What one part of a formula means in NumPy, given its operands."""
    if node.op in ("name", "size", "upstream", "pi"):
        return _named(node.info or node.op, names)
    if node.op not in NUMPY:
        raise ExpressionError(FOREIGN.get(node.op, f"{node.op} has no meaning in NumPy"))
    if node.op == "call" and node.info[0] in names and names[node.info[0]].op == "name":
        raise ExpressionError(f"{node.info[0]} is an array in dims, not a function")
    return NUMPY[node.op](node, *args)


def typed(
    root: Part, text: str, shapes: Mapping[str, Shape], sizes: Collection[str] = (), meaning: Meaning = in_numpy
) -> Expr:
    """Turn a formula that was read from `text` into an expression; see `parse`."""
    names = known_names(shapes, sizes)
    made: dict[Part, Expr] = {}
    for node in postorder([root]):
        try:
            made[node] = meaning(node, [made[arg] for arg in node.args], names)
        except ExpressionError as error:
            raise error if error.text else ExpressionError(error.message, text, *node.span) from None
    return made[root]


def known_names(shapes: Mapping[str, Shape], sizes: Collection[str]) -> dict[str, Expr]:
    """What every name and every dimension stands for."""
    names = {dim: Expr("size", info=dim) for dim in (*sizes, *flat(flat(shapes.values())))}
    return names | {name: name_expr(name, shape) for name, shape in shapes.items()}


UNKNOWN = {
    "I": "; an identity matrix is eye(n)",
    **dict.fromkeys(["inf", "Inf", "infinity"], "; infinity has no derivative, a mask takes a large number, -1e9"),
}


def _named(name: str, names: Mapping[str, Expr]) -> Expr:
    if name in names:
        return names[name]
    if name in CONSTANTS:
        return Expr("size", info=name)
    stem = name.partition("'")[0].removesuffix("ᵀ")
    if stem != name and stem in names:
        raise ExpressionError(f"{name} is not supported; the transpose is {stem}.T")
    known = ", ".join([one for one, expr in names.items() if expr.op == "name"])
    listed = f"the names are: {known}" if known else 'dims gives every name its dimensions, "X: n i, W: o i"'
    raise ExpressionError(f"unknown name {name!r}; {listed}{UNKNOWN.get(name, '')}")


def _ones(node: Part, *args: Expr) -> Expr:
    """``ones(n, k)``, which a notation reads as a column times a row."""
    if any([arg.op != "ones" for arg in args]):
        raise ExpressionError(f"{node.op} has no meaning in NumPy")
    return Expr("ones", shape=flat([arg.shape for arg in args]))


def _product(node: Part, left: Expr, right: Expr) -> Expr:
    turned = node.args[1]
    while turned.op == "group":
        (turned,) = turned.args
    if len(left.shape) == len(right.shape) == 1 and turned.op == "numpy T":
        raise ExpressionError(
            f"{left} @ {right}.T is ambiguous: NumPy computes the inner product, since a vector "
            f"is its own transpose; write outer({left}, {right}) or {left} @ {right}"
        )
    return left @ right


def _indexed(value: Expr, pattern: str) -> Expr:
    """``[None, :]``, ``[:, 0]``, ``[0]`` or ``[0, :]``."""
    if pattern not in INDEXED:
        raise ExpressionError(f"[{pattern}] is not supported; [:, None] and [:, 0] are")
    function, axis = INDEXED[pattern]
    if function is squeeze and (len(value.shape) <= axis or value.shape[axis]):
        raise ExpressionError(
            f"[{pattern}] takes one entry of {value}, whose axes are "
            f"{show_shape(value.shape)}: only an axis of length 1 can be dropped"
        )
    return function(value, axis)


def _length(value: Expr, axis: str | None) -> Expr:
    """``X.size``, or ``X.shape[0]``."""
    axes = {str(at): at % len(value.shape) for at in range(-len(value.shape), len(value.shape))}
    if axis is not None and axis not in axes:
        raise ExpressionError(f"the shape {show_shape(value.shape)} of {value} is used as .shape[0]")
    return length(value, None if axis is None else axes[axis])


def _called(node: Part, args: Sequence[Expr]) -> Expr:
    name, options = node.info
    if name == "einsum" and args and args[0].op == "string":
        return einsum(args[0].info, args[1:])
    if name == "norm" and len(args) == 2 and args[1].op == "string":
        args, options = args[:1], {**options, "ord": args[1].info}
    if any([arg.op == "string" for arg in args]):
        raise ExpressionError("einsum: the subscripts come first" if name == "einsum" else f"{name} of a string")
    if name == "len" and len(args) == 1 and args[0].shape:
        return length(args[0], 0)
    if name == "reshape" and args:
        return reshape(args[0], read_shape(args[0], args[1:]))
    return call(name, args, options)


NUMPY: dict[str, Callable[..., Expr]] = {
    "number": lambda node: number(node.info),
    "string": lambda node: Expr("string", info=node.info),
    "ones": lambda node: Expr("ones", shape=(tuple(node.info.split("*")),)),
    "eye": lambda node: Expr("eye", shape=(tuple(node.info.split("*")),) * 2),
    **dict.fromkeys(["juxtaposed", "T"], _ones),
    "group": lambda _, x: x,
    "neg": lambda _, x: -x,
    **dict.fromkeys(["+", "-", "*", "/", "**"], lambda node, a, b: arithmetic(node.op, a, b)),
    "mask": lambda node, a, b: arithmetic(node.info, a, b),
    "@": _product,
    "numpy T": lambda _, x: x.T,
    "upright": lambda _, x: expand(x, 1),
    "entry": lambda node, x: _indexed(x, ",".join(node.info)),
    "length": lambda node, x: _length(x, node.info),
    "call": lambda node, *args: _called(node, args),
}
