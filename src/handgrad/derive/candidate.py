"""Judge a gradient that somebody else has derived."""

from typing import TYPE_CHECKING, NamedTuple

from .check import DOMAIN, DRAWS, Numbers, same
from .errors import ExpressionError
from .evaluate import Table, evaluate
from .expression import show_axis, show_shape
from .parse import parse

if TYPE_CHECKING:
    from .derivation import Derivation


class Verdict(NamedTuple):
    """Whether a candidate is the gradient, and a sentence that says what it is instead."""

    ok: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def judge(candidate: str, d: "Derivation") -> Verdict:
    """Compare a candidate with a derivation, on random arrays.

    Parameters
    ----------
    candidate : str
        A gradient in NumPy syntax, in terms of the inputs, of ``G`` and of the named intermediates.
    d : Derivation
        The derivation.

    Returns
    -------
    Verdict

    Raises
    ------
    ExpressionError
        If the candidate cannot be read, or has no value on random arrays.
    """
    numbers = _draw(d)
    world = numbers.world()
    shapes = {name: shape for name, shape in world.shapes.items() if name in world.tables}
    expr = parse(candidate, shapes, frozenset(numbers.sizes))
    said = evaluate(expr, world.tables, numbers.sizes, numbers.functions)
    true = evaluate(
        parse(str(d.gradient), shapes, frozenset(numbers.sizes)),
        world.tables, numbers.sizes, numbers.functions,
    )  # fmt: skip
    wanted = d.gradient.shape
    name = f"d{d.labels[d.root]}/d{d.wrt}"
    place = f"{name} in {d.layout_name} layout"
    if expr.shape == wanted and same(said, true):
        return Verdict(True, f"correct: {candidate} is {place}")
    turned = {index[::-1]: value for index, value in said.items()}
    axes = " ".join(map(show_axis, wanted))
    if len(wanted) == 2 and expr.shape == wanted[::-1]:
        factor = _factor(turned, true)
        if factor is not None:
            scale = "" if factor == 1 else f" times {factor:g}"
            return Verdict(
                False,
                f"transposed: {candidate} has shape {show_shape(expr.shape)}; it is the transpose "
                f"of {name}{scale}. {d.wrt} has axes ({axes}), and in {d.layout_name} layout the "
                f"derivative has shape {show_shape(wanted)}: {d.gradient}",
            )
    if expr.shape != wanted:
        return Verdict(
            False,
            f"wrong shape: {candidate} has shape {show_shape(expr.shape)}; {place} has shape "
            f"{show_shape(wanted)}: {d.gradient}",
        )
    factor = _factor(said, true)
    if factor == -1:
        return Verdict(False, f"wrong sign: {candidate} is minus {place}: {d.gradient}")
    if factor is not None:
        known = [dim for dim, size in numbers.sizes.items() if abs(abs(factor) - size) < 1e-9]
        known += [f"1/{dim}" for dim, size in numbers.sizes.items() if abs(abs(factor) * size - 1) < 1e-9]
        hint = f"; {' or '.join(known)} has that value here" if known else ""
        return Verdict(
            False, f"scaled: {candidate} is {factor:g} times {place}{hint}: {d.gradient}"
        )
    worst = max(true, key=lambda index: abs(said[index] - true[index]))
    return Verdict(
        False,
        f"wrong: entry {list(worst)} of {candidate} is {said[worst]:.6g} where {place} has "
        f"{true[worst]:.6g} on random arrays; the derivative is {d.gradient}",
    )


def _draw(d: "Derivation") -> Numbers:
    for draw in DRAWS:
        try:
            return Numbers(d, 1, draw)
        except DOMAIN:
            continue
    raise ExpressionError(f"{d.expression} has no value on random arrays")


def _factor(said: Table, true: Table) -> float | None:
    """The number that a table is a multiple by."""
    worst = max(true, key=lambda index: abs(true[index]))
    if not true[worst]:
        return None
    factor = said[worst] / true[worst]
    if not factor or not same(said, {index: factor * value for index, value in true.items()}):
        return None
    return round(factor, 9)
