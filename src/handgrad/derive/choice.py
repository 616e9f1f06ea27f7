"""Recognise a choice in a sum: ``(z > 0) * a + (1 - (z > 0)) * b`` is printed as ``where(z > 0, a, b)``."""

from collections.abc import Iterator

from .expression import Expr, arithmetic, is_mask, number, value_of
from .trees import postorder


def with_choices(root: Expr) -> Expr:
    """The same expression, with a node ``where`` for every choice."""
    parts = postorder([root])
    if not any(map(is_mask, parts)):
        return root
    made: dict[int, Expr] = {}
    for expr in parts:
        args = tuple([made[id(arg)] for arg in expr.args])
        changed = any([new is not old for new, old in zip(args, expr.args)])
        new = expr.on(args) if changed else expr
        made[id(expr)] = (_choice(new) if expr.op in ("+", "-") else None) or new
    return made[id(root)]


def _choice(total: Expr) -> Expr | None:
    left, right = total.args
    for first, second in ((left, right), (right, left)):
        for mask in filter(is_mask, _factors(first)):
            yes, no = [arithmetic(total.op, *[kept if arg is first else arg for arg in total.args])
                       for kept in (_without(first, mask), number(0))]  # fmt: skip
            if _is_short(yes) and _is_short(no):  # 0.99 * (z > 0) + 0.01
                return Expr("where", (mask, yes, no), shape=total.shape)
            for other in _factors(second):
                if other.op == "-" and value_of(other.args[0]) == 1 and str(other.args[1]) == str(mask):
                    yes, no = _without(first, mask), _without(second, other)
                    if total.op == "-":
                        yes, no = (yes, -no) if first is left else (-yes, no)
                    return Expr("where", (mask, yes, no), shape=total.shape)
    return None


def _is_short(expr: Expr) -> bool:
    """Whether an expression is a number other than 0, with few digits."""
    value = value_of(expr)
    return bool(value) and len(repr(value)) < 6


def _factors(expr: Expr) -> Iterator[Expr]:
    """The factors of a product, those of its divisors left out."""
    if expr.op in ("*", "/"):
        yield from _factors(expr.args[0])
        if expr.op == "*":
            yield from _factors(expr.args[1])
    elif expr.op == "neg":
        yield from _factors(expr.args[0])
    else:
        yield expr


def _without(expr: Expr, factor: Expr) -> Expr:
    """A product without one of its factors."""
    if expr is factor:
        return number(1)
    if expr.op == "neg":
        return -_without(expr.args[0], factor)
    if expr.op not in ("*", "/"):
        return expr
    left, right = _without(expr.args[0], factor), _without(expr.args[1], factor) if expr.op == "*" else expr.args[1]
    if expr.op == "*" and 1 in (value_of(left), value_of(right)):
        return right if value_of(left) == 1 else left
    if expr.op == "*" and right.op == "/" and value_of(right.args[0]) == 1:
        return left / right.args[1]
    return arithmetic(expr.op, left, right)
