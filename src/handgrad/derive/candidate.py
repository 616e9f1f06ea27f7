"""Judge a gradient that somebody else has derived."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from .check import ATTEMPTS, DOMAIN, TOLERANCE, Numbers, arranged, same
from .derivation import Derivation
from .errors import ExpressionError
from .evaluate import Sizes, Table
from .expression import Expr, show_shape
from .parse import parse


class Verdict(NamedTuple):
    """Whether a candidate is the gradient, and a sentence that says what it is instead."""

    ok: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def judge(candidate: str, d: Derivation) -> Verdict:
    """Compare a candidate with a derivation, on two draws of random arrays.

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
    draws = [_compute(candidate, d, seed) for seed in (1, 2)]
    (_, expr, said, true), wanted = draws[0], d.gradient.shape
    where = ", ".join([f"{name} = {expr}" for name, expr in d.definitions.items()])
    answer = f"{d.gradient}{f', where {where}' if where else ''}"
    name = f"d{d.labels[d.root]}/d{d.wrt}"
    place = f"{name} in {d.layout_name} layout"
    shape = f"{candidate} has shape {show_shape(expr.shape)}"
    # Every length differs between the draws, so that no constant can stand for one of them.
    if expr.shape == wanted and all(same(draw.said, draw.true) for draw in draws):
        return Verdict(True, f"correct: {candidate} is {place}")
    if len(wanted) == 2 and expr.shape == wanted[::-1]:
        factor = _scale([draw._replace(said={k[::-1]: v for k, v in draw.said.items()}) for draw in draws])
        if factor is not None:
            times = "" if factor == "1" else f", times {factor}"
            return Verdict(
                False,
                f"transposed: {shape}; it is the transpose of {name}{times}. {d.wrt} has the axes "
                f"{show_shape(d.shapes[d.wrt])}, so that in {d.layout_name} layout the derivative "
                f"has shape {show_shape(wanted)}: {answer}",
            )
    if expr.shape != wanted:
        return Verdict(False, f"wrong shape: {shape}; {place} has shape {show_shape(wanted)}: {answer}")
    factor = _scale(draws)
    if factor == "-1":
        return Verdict(False, f"wrong sign: {candidate} is minus {place}: {answer}")
    if factor is not None:
        return Verdict(False, f"scaled: {candidate} is {factor} times {place}: {answer}")
    _, _, said, true = next(draw for draw in draws if not same(draw.said, draw.true))
    worst = max(true, key=lambda index: abs(said[index] - true[index]))
    return Verdict(
        False,
        f"wrong: entry {list(worst)} of {candidate} is {said[worst]:.6g} where {place} has "
        f"{true[worst]:.6g} on random arrays; the derivative is {answer}",
    )


class Draw(NamedTuple):
    """The candidate and the derivative on one set of random arrays."""

    sizes: Sizes
    expr: Expr
    said: Table
    true: Table


def _compute(candidate: str, d: Derivation, seed: int) -> Draw:
    numbers = _draw(d, seed)
    world = numbers.world()
    expr = parse(candidate, world.shapes, numbers.sizes)
    try:
        said = world.value(expr)
    except KeyError as error:
        raise ExpressionError(f"{candidate}: {error.args[0]} is no function of {d.expression}") from None
    except DOMAIN as error:
        raise ExpressionError(f"{candidate} has no value where {d.expression} has one: {error}") from None
    return Draw(numbers.sizes, expr, said, arranged(d, numbers))


def _draw(d: Derivation, seed: int) -> Numbers:
    """Arrays on which the expression has a value, and a slope that differences can measure."""
    for attempt in ATTEMPTS:
        try:
            numbers = Numbers(d, seed, attempt)
            derived = numbers.world().value(d.einsum())
        except DOMAIN:
            continue
        if same(derived, arranged(d, numbers)):  # not so next to a kink
            return numbers
    raise ExpressionError(f"{d.expression} has no value on random arrays")


def _scale(draws: Sequence[Draw]) -> str | None:
    """What the derivative is multiplied by, as a reader would write it: ``2``, ``n/2``, ``-1/(3 n)``."""
    one, two = [_factor(draw.said, draw.true) for draw in draws]
    if one is None or two is None:
        return None
    if _close(one, two):
        return str(_fraction(one) or f"{one:g}")
    for dim in draws[0].sizes:
        for power in (1, -1):
            left, right = [f / draw.sizes[dim] ** power for f, draw in zip((one, two), draws)]
            simple = _fraction(left)
            if simple and _close(left, right):
                return _words(simple, dim, power)
    return None


def _words(number: Fraction, dim: str, power: int) -> str:
    """Write ``number * dim**power``."""
    above, below = number.numerator, number.denominator
    if power > 0:
        return {1: dim, -1: f"-{dim}"}.get(above, f"{above} {dim}") + (f"/{below}" if below != 1 else "")
    return f"{above}/{dim}" if below == 1 else f"{above}/({below} {dim})"


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * abs(a)


def _fraction(value: float) -> Fraction | None:
    """A number as a fraction with a small denominator, None if it is no such fraction."""
    near = Fraction(value).limit_denominator(12)
    return near if near and _close(value, float(near)) else None


def _factor(said: Table, true: Table) -> float | None:
    """The number that a table is a multiple by."""
    worst = max(true, key=lambda index: abs(true[index]))
    if not true[worst]:
        return None
    factor = said[worst] / true[worst]
    if not factor or not same(said, {index: factor * value for index, value in true.items()}):
        return None
    return factor
