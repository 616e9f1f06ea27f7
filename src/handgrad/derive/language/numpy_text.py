"""Print expressions as NumPy: short for readers, complete for Python."""

import re
from collections.abc import Callable
from typing import TypeAlias

from .choice import with_choices
from .dims import CONSTANTS, show_axis
from .expression import Expr, arithmetic, is_mask, number, value_of
from .functions import ALONG, ARRAY, ELEMENTWISE, MASKS, kind
from .numerals import show_exponent, show_number
from .trees import postorder

# how tightly each operation binds when printed
BINDING = {"+": 2, "-": 2, "*": 3, "/": 3, "@": 3, "neg": 4, "**": 5}
ATOM = 9
LOOSE = 2.5  # a scalar in front of a matrix product, c * A @ B: any product may contain it, none may split it
FULL = {name: f"np.{name}" for name in ("outer", "kron", "trace", "diag", "clip")}
# what follows an operand
SUFFIXES: dict[str, Callable[[Expr], str]] = {
    "T": lambda _: ".T",
    "expand": lambda expr: "[:, None]" if expr.info else "[None, :]",
    "squeeze": lambda expr: "[:, 0]" if expr.info else "[0]",
    "reshape": lambda expr: f".reshape({', '.join(map(show_axis, expr.shape))})",
    **dict.fromkeys(["sum", "mean", "max", "min"], lambda expr: f".{expr.op}({', '.join(_options(expr))})"),
}


def bracketed(root: Expr) -> str:
    """Print an expression that something follows, in parentheses if it needs them."""
    return _inside(_texts(root, False), ATOM)


def write(root: Expr, python: bool) -> str:
    """Print an expression for a reader, so that the parser reads it back, or as complete Python."""
    return _texts(root, python)[0]


Text: TypeAlias = tuple[str, float]  # what is printed, and how tightly it binds


def _texts(root: Expr, python: bool) -> Text:
    root = with_choices(root)
    texts: dict[int, Text] = {}
    for expr in postorder([root]):
        texts[id(expr)] = _write(expr, texts, python)
    return texts[id(root)]


def _inside(part: Text, binding: float) -> str:
    return part[0] if part[1] >= binding else f"({part[0]})"


def _write(expr: Expr, texts: dict[int, Text], python: bool) -> Text:
    op, info = expr.op, expr.info
    args = [texts[id(arg)] for arg in expr.args]
    np = "np." if python else ""
    if op in ("name", "size"):
        return (f"{np}{info}" if op == "size" and info in CONSTANTS else str(info)), ATOM
    if op == "number":
        text = _number(show_number(info), python)
        return text, BINDING["/"] if "/" in text else ATOM if info >= 0 else 4
    if op in ("ones", "zeros", "eye"):
        inside = ", ".join(map(show_axis, expr.shape[:1] if op == "eye" else expr.shape))
        return f"{np}{op}(({inside}))" if python and ", " in inside else f"{np}{op}({inside})", ATOM
    if op in ("+", "-", "*", "/", "@"):
        return _binary(expr, args, python)
    if op == "neg":
        if python and is_mask(_leftmost(expr.args[0])):
            return "-1.0 * " + args[0][0].removesuffix(" * 1.0"), 3
        return "-" + _inside(args[0], LOOSE), min(4, args[0][1])
    if op == "**":
        base, exponent = expr.args
        if exponent.op != "number":
            return f"{_inside(texts[id(base)], 6)}**{_inside(texts[id(exponent)], 6)}", 5
        return _power(base, exponent.info, texts, python)
    if op == "sum" and _is_inner(expr):
        name = expr.args[0].args[0].info
        return f"{name} @ {name}", BINDING["@"]
    if op in SUFFIXES:
        return _inside(args[0], ATOM) + SUFFIXES[op](expr), ATOM
    if is_mask(expr):
        return (_mask(expr, python) + " * 1.0", 3) if python else (_mask(expr, python), ATOM)
    listed = ", ".join(
        [part[0][1:-1] if not python and is_mask(arg) else part[0] for arg, part in zip(expr.args, args)]
    )
    if op == "where":
        whole = python and expr.args[1].op == expr.args[2].op == "number"  # where(x > 0, 1, -1) would be integers
        no = repr(float(expr.args[2].info)) if whole else args[2][0]
        # In a function the comparison may have a name: it is used elsewhere too.
        condition = _mask(expr.args[0], python)[1:-1] if is_mask(expr.args[0]) else f"{args[0][0]} > 0"
        return f"{np}where({condition}, {args[1][0]}, {no})", ATOM
    if op == "einsum":
        several = ", optimize=True" * (python and len(args) > 2)
        return f"{np}einsum({expr.row!r}, {listed}{several})", ATOM
    if kind(op) in ALONG:
        if kind(op) == "number" or info[0] != len(expr.shape) - 1:
            listed += f", axis={info[0]}" if len(expr.args[0].shape) > 1 else ""
        return f"{op}({listed}{', keepdims=True' if info[1] and kind(op) == 'number' else ''})", ATOM
    name = str(info) if op in ("call", "unknown", "loss") else op
    if python:
        numpy = ELEMENTWISE[name].numpy if op == "call" else ARRAY[op].numpy if op in ARRAY else FULL.get(op, "")
        is_name = numpy.startswith("np.") and ("{}" in numpy or "(" not in numpy)  # no formula, no source
        name = numpy if is_name else name.replace("'", "_prime")
    return name.format(listed) if "{}" in name else f"{name}({listed})", ATOM


def _number(text: str, python: bool) -> str:
    """A number as Python computes it: 3**0.5, since NumPy's root of an integer would make float64 of float32."""
    return re.sub(r"sqrt\((\d+)\)", r"\1**0.5", text).replace("log", "np.log") if python else text


def _power(base: Expr, exponent: float, texts: dict[int, Text], python: bool) -> Text:
    if exponent < 0:
        below = texts[id(base)] if exponent == -1 else _power(base, -exponent, texts, python)
        return f"1 / {_inside(below, 4)}", 3
    if exponent % 1 == 0.5 and base.op == "sum" and base.args[0].op == "**" and value_of(base.args[0].args[1]) == 2:
        listed = ", ".join([texts[id(base.args[0].args[0])][0], *_options(base)])
        norm = f"{'np.linalg.' * python}norm({listed})"
        return (norm, ATOM) if exponent == 0.5 else (f"{norm}**{int(2 * exponent)}", 5)
    if exponent != 0.5 or (python and base.op == "size"):  # NumPy's root of an integer makes float64 of float32
        return f"{_inside(texts[id(base)], 6)}**{_number(show_exponent(exponent), python)}", 5
    return f"{'np.' * python}sqrt({texts[id(base)][0]})", ATOM


def _options(expr: Expr) -> list[str]:
    """The axis of a reduction and whether it is kept."""
    axis, kept = expr.info
    return ([] if axis in (None, -1) else [f"axis={axis}"]) + ["keepdims=True"] * kept


def _is_inner(expr: Expr) -> bool:
    """Whether an expression is an inner product of two vectors; ``sum(x**2)`` of a name is one."""
    if expr.op == "sum" and expr.args[0].op == "**" and len(expr.args[0].shape) == 1:
        base, exponent = expr.args[0].args
        return base.op == "name" and value_of(exponent) == 2
    return expr.op == "@" and not expr.shape


def _leftmost(expr: Expr) -> Expr:
    while expr.op in ("*", "/", "@"):
        expr = expr.args[0]
    return expr


def _starts_with_product(expr: Expr) -> bool:
    """Whether a text starts with ``a @ b * c``, the matrix product not in parentheses."""
    while expr.args[0].op in ("*", "/"):
        expr = expr.args[0]
    first, second = expr.args
    inner = _is_inner(first)  # x @ x, which has them in a product
    return (inner and expr.op == "/") or (first.op == "@" and not second.shape and not inner)


def _mask(expr: Expr, python: bool) -> str:
    """A comparison of ``a - b + c`` with 0 is one of a with ``b - c``: what follows a minus, and numbers, go over."""
    left, right, sign = expr.args[0], number(0), MASKS[expr.info]
    if left.op == "neg":
        left, sign = left.args[0], sign.translate(TURNED)
    sums = [left]
    while sums[0].op in ("+", "-"):  # a, a - b, a - b + c
        sums.insert(0, sums[0].args[0])
    over = [at for at, part in enumerate(sums) if at and (part.op == "-" or part.args[1].op == "number")]
    if over:
        left, first, *others = sums[over[0] - 1 :]
        right = first.args[1] if first.op == "-" else -first.args[1]
        for part in others:
            right = arithmetic("-" if part.op == "+" else "+", right, part.args[1])
    if left.op == "neg":
        left, right, sign = left.args[0], -right, sign.translate(TURNED)
    if left.op == "number":
        left, right, sign = right, left, sign.translate(TURNED)
    return f"({write(left, python)} {sign} {write(right, python)})"


TURNED = str.maketrans("<>", "><")


def _binary(expr: Expr, args: list[Text], python: bool) -> Text:
    """Two operands; products of different kinds are kept apart although Python would not ask."""
    op, (left, right), binding = expr.op, expr.args, float(BINDING[expr.op])
    first, second = _inside(args[0], binding), _inside(args[1], binding + (0.5 if binding == 2 else 1))
    if op in ("*", "/") and left.op == "@" and right.shape:
        first = f"({args[0][0]})"
    if op == "@" and left.op in ("*", "/") and not (left.op == "*" and not left.args[0].shape):
        first = f"({args[0][0]})"
    if op == "@" and expr.info and not python and args[1][1] >= binding:  # (A @ B) @ C is A @ (B @ C)
        second = args[1][0]
    if op == "/" and not right.shape and args[0][1] == LOOSE:
        first, binding = args[0][0], LOOSE
    if op == "*" and _is_inner(left):
        first = f"({args[0][0]})"
    if op == "*" and _is_inner(right) and left.op != "number":
        second = f"({args[1][0]})"
    elif op == "*":
        scalar = not left.shape and not python
        smaller_first = len(right.shape) < len(left.shape)  # X * (u * v)
        if right.op in ("*", "/") and args[1][1] >= binding and not (smaller_first or _starts_with_product(right)):
            second = args[1][0]
        elif scalar and (right.op == "@" or args[1][1] == LOOSE):
            second, binding = args[1][0], LOOSE
        if python and is_mask(right):
            second = args[1][0].removesuffix(" * 1.0")
        elif python and is_mask(left) and not is_mask(_leftmost(right)):
            first = args[0][0].removesuffix(" * 1.0")
    return f"{first} {op} {second}", binding
