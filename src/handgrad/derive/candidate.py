"""Judge a gradient that somebody else has derived."""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import NamedTuple

from .checking.check import ATTEMPTS, DOMAIN, NOTHING, TOLERANCE, Assumed, Numbers, arranged, same
from .checking.evaluate import Table
from .derivation import Derivation
from .language.dims import flat, show_axis, show_shape
from .language.errors import ExpressionError
from .language.expression import Expr
from .language.parse import parse

SMALL = 12  # what is counted as a simple number


class Verdict(NamedTuple):
    """Whether a candidate is the gradient, and a sentence that says what it is instead."""

    ok: bool
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class Draw(NamedTuple):
    """The candidate and the derivative on one set of random arrays."""

    numbers: Mapping[str, float]  # the lengths, the inputs that are numbers, and a length less one
    expr: Expr
    said: Table
    true: Table


def judge(candidate: str, d: Derivation) -> Verdict:
    """Compare a candidate with a derivation, on three draws of random arrays.

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

    Examples
    --------
    >>> from handgrad.derive import derive
    >>> print(judge("2 * A @ x", derive("x @ A @ x", wrt="x", dims="A: n n, x: n")))
    right only if A is symmetric: 2 * A @ x is dL/dx in shape layout then; in general it is (A + A.T) @ x
    """
    draws = _draws(candidate, d)
    # Every length differs between the draws, so that no constant can stand for one of them.
    if draws[0].expr.shape == d.gradient.shape and _is_right(draws):
        return Verdict(True, f"correct: {candidate} is {_place(d)}")
    where = ", ".join([f"{name} = {expr}" for name, expr in d.definitions.items()])
    answer = f"{d.gradient}{f', where {where}' if where else ''}"
    return Verdict(False, next(_mistakes(candidate, d, draws, answer)))


def _place(d: Derivation) -> str:
    return f"d{d.labels[d.root]}/d{d.wrt} in {d.layout_name} layout"


def _mistakes(candidate: str, d: Derivation, draws: list[Draw], answer: str) -> Iterator[str]:
    """What may be wrong with a candidate, the most telling first."""
    own, wanted, place = draws[0].expr.shape, d.gradient.shape, _place(d)
    shape = f"{candidate} has shape {show_shape(own)}"
    if len(wanted) == 2 and own == wanted[::-1]:
        factor = _scale([draw._replace(said={k[::-1]: v for k, v in draw.said.items()}) for draw in draws])
        if factor is not None:
            times = "" if factor == "1" else f", times {factor}"
            name = f"d{d.labels[d.root]}/d{d.wrt}{times}"
            if own == wanted:
                shape = show_shape(own)
                yield f"transposed: {candidate} is the transpose of {name}; the shape {shape} is that of both: {answer}"
            yield (
                f"transposed: {shape}; it is the transpose of {name}. {d.wrt} has the axes "
                f"{show_shape(d.shapes[d.wrt])}, so that in {d.layout_name} layout the derivative has shape "
                f"{show_shape(wanted)}: {answer}"
            )
    every = range(len(own))
    for first, end in [*[(at, at + 1) for at in every], (0, len(every))]:
        start, stop = [len(flat(own[:at])) for at in (first, end)]
        totals = [draw._replace(said=_total(draw.said, start, stop)) for draw in draws]
        if own[:first] + own[end:] == wanted != own and _is_right(totals):
            axes = " and ".join(map(show_axis, own[first:end]))
            yield f"not summed: {shape}; its sum over {axes} is {place}: {answer}"
    if own != wanted:
        yield f"wrong shape: {shape}; {place} has shape {show_shape(wanted)}: {answer}"
    factor = _scale(draws)
    if factor == "-1":
        yield f"wrong sign: {candidate} is minus {place}: {answer}"
    if factor is not None:
        yield f"scaled: {candidate} is {factor} times {place}: {answer}"
    for assumed, told in _assumptions(d):
        if _is_right(_draws(candidate, d, assumed)):
            yield f"right only if {told}: {candidate} is {place} then; in general it is {answer}"
    *_, said, true = next(draw for draw in draws if not same(draw.said, draw.true))
    worst = max(true, key=lambda index: abs(said[index] - true[index]))
    yield (
        f"wrong: entry {list(worst)} of {candidate} is {said[worst]:.6g} where {place} has {true[worst]:.6g} "
        f"on random arrays; the derivative is {answer}"
    )


def _is_right(draws: Sequence[Draw]) -> bool:
    """Whether the candidate is the derivative on every draw."""
    return all([same(draw.said, draw.true) for draw in draws])


def _total(table: Table, start: int, stop: int) -> Table:
    """A table summed over the places from `start` to `stop` of its indices."""
    total: Table = {}
    for index, value in table.items():
        kept = index[:start] + index[stop:]
        total[kept] = total.get(kept, 0.0) + value
    return total


def _draws(candidate: str, d: Derivation, assumed: Assumed = NOTHING) -> list[Draw]:
    return [_compute(candidate, d, _draw(d, seed, assumed)) for seed in (1, 2, 3)]


def _assumptions(d: Derivation) -> Iterator[tuple[Assumed, str]]:
    """What people assume of an array without saying so."""
    for name, shape in d.shapes.items():
        if len(shape) == 2 and shape[0] == shape[1]:
            yield {name: _symmetric}, f"{name} is symmetric"
        if shape and len(shape[-1]) == 1:
            yield {name: _normalised}, f"{'the rows' if len(shape) == 2 else 'the entries'} of {name} sum to one"


def _symmetric(table: Table) -> Table:
    half = len(next(iter(table))) // 2
    return {index: (value + table[index[half:] + index[:half]]) / 2 for index, value in table.items()}


def _normalised(table: Table) -> Table:
    positive = {index: abs(value) for index, value in table.items()}
    last = len(next(iter(table))) - 1
    totals = _total(positive, last, last + 1)
    return {index: value / totals[index[:-1]] for index, value in positive.items()}


def _compute(candidate: str, d: Derivation, numbers: Numbers) -> Draw:
    world = numbers.world
    expr = parse(candidate, {name: shape for name, shape in world.shapes.items() if "/" not in name}, numbers.sizes)
    try:
        said = world.value(expr)
    except KeyError as error:
        raise ExpressionError(f"{candidate}: {error.args[0]} is no function of {d.expression}") from None
    except DOMAIN as error:
        raise ExpressionError(f"{candidate} has no value where {d.expression} has one: {error}") from None
    scalars = {name: table[()] for name, table in numbers.inputs.items() if not d.shapes[name]}
    less = {f"({dim} - 1)": size - 1 for dim, size in numbers.sizes.items()}
    return Draw({**numbers.sizes, **scalars, **less}, expr, said, arranged(d, numbers))


def _draw(d: Derivation, seed: int, assumed: Assumed) -> Numbers:
    """Arrays on which the expression has a value, and a slope that differences can measure."""
    for attempt in ATTEMPTS:
        try:
            numbers = Numbers(d, seed, attempt, assumed)
            derived = numbers.world.value(d.einsum())
        except DOMAIN:
            continue
        if same(derived, arranged(d, numbers)):  # not so next to a kink
            return numbers
    raise ExpressionError(f"{d.expression} has no value on random arrays")


def _scale(draws: Sequence[Draw]) -> str | None:
    """What the derivative is multiplied by, as a reader would write it: ``2``, ``n/2``, ``-1/(3 n)``."""
    factors = [_factor(draw.said, draw.true) for draw in draws]
    if not all(factors):
        return None
    if _alike(factors):
        return str(_fraction(factors[0]) or f"{factors[0]:g}")
    for names in (*combinations(draws[0].numbers, 1), *combinations(draws[0].numbers, 2)):
        for powers in product((1, -1, 0.5, -0.5), repeat=len(names)):
            left = [factor / math.prod([_raised(draw.numbers[name], power) for name, power in zip(names, powers)])
                    for factor, draw in zip(factors, draws)]  # fmt: skip
            simple = _fraction(left[0])
            if simple and abs(simple.numerator) <= SMALL and _alike(left):  # the lengths are permuted from draw to draw
                return _words(simple, dict(zip(names, powers)))
    return None


def _raised(value: float, power: float) -> float:
    """A power with the sign of the value; a root without one."""
    return math.copysign(abs(value) ** power, value if abs(power) == 1 else 1)


def _words(number: Fraction, powers: Mapping[str, float]) -> str:
    """Write ``number * n**power * k**power``."""
    roots = {name: name if abs(power) == 1 else f"sqrt({name})" for name, power in powers.items()}
    above, below = [[roots[name] for name, power in powers.items() if sign * power > 0] for sign in (1, -1)]
    minus = "-" * (number < 0)
    above = [str(abs(number.numerator))] * (abs(number.numerator) != 1 or not above) + above
    below = [str(number.denominator)] * (number.denominator != 1) + below
    under = below[0] if len(below) == 1 else f"({' '.join(below)})"
    return minus + " ".join(above) + (f"/{under}" if below else "")


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * abs(a)


def _alike(values: Sequence[float]) -> bool:
    return all([_close(values[0], value) for value in values[1:]])


def _fraction(value: float) -> Fraction | None:
    """A number as a fraction with a small denominator, None if it is no such fraction."""
    near = Fraction(value).limit_denominator(SMALL)
    return near if near and _close(value, float(near)) else None


def _factor(said: Table, true: Table) -> float:
    """The number that a table is a multiple by; 0 if it is none."""
    worst = max(true, key=lambda index: abs(true[index]))
    factor = said[worst] / true[worst] if true[worst] else 0.0
    return factor if same(said, {index: factor * value for index, value in true.items()}) else 0.0
