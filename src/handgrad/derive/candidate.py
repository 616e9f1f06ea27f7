"""Judge a gradient that somebody else has derived."""

from typing import TYPE_CHECKING, NamedTuple

from .check import DOMAIN, DRAWS, Numbers, arranged, same
from .errors import ExpressionError
from .evaluate import Table, evaluate
from .expression import Expr, show_shape
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
    first, second = [_compute(candidate, d, seed) for seed in (1, 2)]
    (numbers, expr, said, true), wanted = first, d.gradient.shape
    name = f"d{d.labels[d.root]}/d{d.wrt}"
    place = f"{name} in {d.layout_name} layout"
    shape = f"{candidate} has shape {show_shape(expr.shape)}"
    if expr.shape == wanted and same(said, true):
        return Verdict(True, f"correct: {candidate} is {place}")
    if len(wanted) == 2 and expr.shape == wanted[::-1]:
        factor = _factor({index[::-1]: value for index, value in said.items()}, true)
        if factor is not None:
            scale = "" if factor == 1 else f", times {factor:g}"
            return Verdict(
                False,
                f"transposed: {shape}; it is the transpose of {name}{scale}. {d.wrt} has the axes "
                f"{show_shape(d.shapes[d.wrt])}, so that in {d.layout_name} layout the derivative "
                f"has shape {show_shape(wanted)}: {d.gradient}",
            )
    if expr.shape != wanted:
        return Verdict(False, f"wrong shape: {shape}; {place} has shape {show_shape(wanted)}: {d.gradient}")
    factor, other = _factor(said, true), _factor(*second[2:])
    if factor == other == -1:
        return Verdict(False, f"wrong sign: {candidate} is minus {place}: {d.gradient}")
    if factor is not None and factor == other:
        return Verdict(False, f"scaled: {candidate} is {factor:g} times {place}: {d.gradient}")
    if factor is not None and other is not None:
        for dim, size in numbers.sizes.items():
            for power, text in ((1, dim), (-1, f"1/{dim}")):
                if abs(factor) == round(size**power, 9) and abs(other) == round(second[0].sizes[dim] ** power, 9):
                    sign = "-" if factor < 0 else ""
                    return Verdict(False, f"scaled: {candidate} is {sign}{text} times {place}: {d.gradient}")
    worst = max(true, key=lambda index: abs(said[index] - true[index]))
    return Verdict(
        False,
        f"wrong: entry {list(worst)} of {candidate} is {said[worst]:.6g} where {place} has "
        f"{true[worst]:.6g} on random arrays; the derivative is {d.gradient}",
    )


def _compute(candidate: str, d: "Derivation", seed: int) -> tuple[Numbers, Expr, Table, Table]:
    """The candidate and the derivative on one draw."""
    numbers = _draw(d, seed)
    world = numbers.world()
    expr = parse(candidate, dict(world.shapes), frozenset(numbers.sizes))
    said = evaluate(expr, world.tables, numbers.sizes, numbers.functions)
    return numbers, expr, said, arranged(d, numbers)


def _draw(d: "Derivation", seed: int) -> Numbers:
    for draw in DRAWS:
        try:
            return Numbers(d, seed, draw)
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
