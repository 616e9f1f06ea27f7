"""Recognise a choice in a sum: ``(z > 0) * a + (1 - (z > 0)) * b`` is printed as ``where(z > 0, a, b)``."""

from collections.abc import Iterator, Mapping, Sequence

from .expression import Expr, arithmetic, is_mask, number, value_of
from .functions import MASKS
from .trees import postorder, replaced

NOTHING: Mapping[str, Expr] = {}


def with_choices(root: Expr, values: Mapping[str, Expr] = NOTHING) -> Expr:
    """The same expression, with a node ``where`` for every choice; `values` says what names stand for."""
    if not any(map(is_mask, postorder([root]))):
        return root
    chosen = replaced(root, ("+", "-"), lambda total: _choice(total) or _chosen_last(total))
    return replaced(chosen, ("*", "/", "@"), lambda product: _guarded(product, values))


def _guarded(product: Expr, values: Mapping[str, Expr]) -> Expr | None:
    """``(x > 0) * log(x)`` as ``where(x > 0, log(x), 0)``: what has no value where the mask is 0 is left out there."""
    if product.op == "@":  # log(x) @ (x > 0) is the sum of their products
        found = None if product.shape else _guarded(arithmetic("*", *product.args), values)
        return found and found.sum()
    upright = _upright(product)
    if upright is not None:  # a.T * b.T is (a * b).T
        found = _guarded(upright, values)
        return found and found.T
    left, right = product.args
    masks = [mask for mask, _ in _factors(left)]
    for mask, rest in _factors(product):
        other = right if mask in masks else left  # what stands on its own side has been guarded
        partial = _partial(other, values) if product.op == "*" else [right] * bool(right.shape)
        if is_mask(mask) and not _names([mask], values).isdisjoint(_names(partial, values)):
            return Expr("where", (mask, rest, number(0)), shape=product.shape)
    return None


def _upright(expr: Expr) -> Expr | None:
    """What an expression is the transpose of, if it is one, or a product of some."""
    if expr.op in ("*", "/"):
        left, right = map(_upright, expr.args)
        return left and right and _joined(expr.op, left, right)
    return expr.args[0] if expr.op == "T" else None


def _partial(expr: Expr, values: Mapping[str, Expr]) -> list[Expr]:
    """What may have no value: the arguments of logarithms, the bases of roots, and arrays that divide."""
    parts = [part for part in _parts([expr], values) if part.shape]
    return [part.args[-1] if part.op == "/" else part.args[0] for part in parts
            if part.op == "/" or (part.op == "**" and not _is_whole(part.args[1])) or part.info in ("log", "log1p")]  # fmt: skip


def _is_whole(exponent: Expr) -> bool:
    """Whether a power of any number has a value."""
    value = value_of(exponent)
    return value is not None and value > 0 and value == int(value)


def _names(exprs: Sequence[Expr], values: Mapping[str, Expr]) -> set[str]:
    """The names in expressions, and in what names stand for."""
    names: set[str] = set()
    while exprs:
        new = {str(part.info) for part in postorder(exprs) if part.op == "name"} - names
        names |= new
        exprs = [values[name] for name in new if name in values]
    return names


def _parts(exprs: Sequence[Expr], values: Mapping[str, Expr]) -> list[Expr]:
    """All parts of expressions, and of what their names stand for."""
    parts = postorder(exprs)
    return parts + postorder([values[part.info] for part in parts if part.op == "name" and part.info in values])


def _choice(total: Expr) -> Expr | None:
    left, right = total.args
    clipped = _clipped(total)
    if clipped is not None:
        return clipped
    for first, second in ((left, right), (right, left)):
        for mask, rest in _factors(first):
            for other, no in _factors(second):
                if is_mask(mask) and _compares(other, "<=", ">=", "!=") and str(1 - other) == str(mask):
                    yes, no = (rest, no) if total.op == "+" else (rest, -no) if first is left else (-rest, no)
                    return Expr("where", (mask, yes, no), shape=total.shape)
    return None


def _chosen_last(total: Expr) -> Expr | None:
    """``y - where(x > 0, a, b)`` for ``y - (x > 0) * a - (x <= 0) * b``: a choice between the last two terms."""
    before, last = total.args
    if before.op not in ("+", "-"):
        return None
    first, middle = before.args
    both = arithmetic("+" if total.op == before.op else "-", middle, last)
    found = _choice(both) if both.op in ("+", "-") else None  # 1 - 0 is a number
    return found and arithmetic(before.op, first, found)


def _clipped(total: Expr) -> Expr | None:
    """``where(x > low, x * (x < high), low) + high * (x >= high)`` as ``clip(x, low, high)``; a bound 0 adds nothing."""
    middle, last = total.args
    chosen = middle.op == "where"
    low = middle.args[2] if chosen else number(0)
    for above, rest in [middle.args[:2]] if chosen else _factors(middle):
        for below, x in _factors(rest) if _compares(above, ">") else ():
            for outside, edge in _factors(last) if _compares(below, "<") else ():
                edge = edge if total.op == "+" else -edge
                for bounds, beyond in (((low, edge), x >= edge), ((edge, low), 1 - _above(x, edge))):
                    meant = _above(x, bounds[0]), x < bounds[1], beyond
                    if is_mask(outside) and list(map(str, (above, below, outside))) == list(map(str, meant)):
                        return Expr("clip", (x, *bounds), shape=total.shape)
    return None


def _compares(expr: Expr, *signs: str) -> bool:
    """Whether an expression is a comparison with such a sign."""
    return is_mask(expr) and MASKS[expr.info] in signs


def _above(x: Expr, low: Expr) -> Expr:
    """``x > low``, as it is made of terms."""
    return x + low.args[0] > 0 if low.op == "neg" else x > low


def _factors(expr: Expr) -> Iterator[tuple[Expr, Expr]]:
    """The factors of a product, those of its divisors left out, and what the product is without each."""
    if expr.op == "neg":
        for factor, rest in _factors(expr.args[0]):
            yield factor, -rest
    elif expr.op == "where" and value_of(expr.args[2]) == 0:
        yield expr.args[0], expr.args[1]
    elif expr.op in ("*", "/"):
        left, right = expr.args
        for factor, rest in _factors(left):
            yield factor, _joined(expr.op, rest, right)
        for factor, rest in _factors(right) if expr.op == "*" else ():
            yield factor, _joined("*", left, rest)
    else:
        yield expr, number(1)


def _joined(op: str, left: Expr, right: Expr) -> Expr:
    """A product or a quotient, without a factor of 1."""
    if op == "*" and 1 in (value_of(left), value_of(right)):
        return right if value_of(left) == 1 else left
    if op == "*" and right.op == "/" and value_of(right.args[0]) == 1:
        return left / right.args[1]
    return arithmetic(op, left, right)
