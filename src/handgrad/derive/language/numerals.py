"""Numbers as they are printed: without what rounding added, fractions, roots and logarithms by their names."""

import math

ROUNDING = 4e-15  # what a few operations may add to a number, as a part of it


def whole(value: float) -> float:
    """A number without what rounding added, 0.3 for ``3 * 0.1``; as an integer if it is one."""
    if not isinstance(value, int):
        short = float(f"{value:.12g}")
        value = short if math.isclose(value, short, rel_tol=ROUNDING) else value
    return int(value) if abs(value) < 1e15 and value == int(value) else float(value)


def ratio(value: float) -> tuple[float, float]:
    """A positive number as what is above and below a line: itself if it is short, whole numbers, or their roots."""
    value = whole(value)
    if value % 1 and len(repr(value)) > 4:
        small = range(1, 101)
        for power, divisors in ((1, (*small, math.log(2), math.log(10))), (2, small)):
            for below in divisors:
                above = round(value**power * below)
                if 0 < above < 1e9 and math.isclose(value**power * below, above, rel_tol=2 * ROUNDING):
                    return whole(above ** (1 / power)), whole(below ** (1 / power))
    return value, 1


def show_number(value: float) -> str:
    """Print a number; what is no short decimal as ``log(2)``, ``1 / 3`` or ``sqrt(3) / 2``, if it is that."""
    sign, size = "-" * (value < 0), abs(whole(value))
    above, below = ratio(size) if len(repr(size)) > 12 else (size, 1)
    return sign + _named(above) + f" / {_named(below)}" * (below != 1)


def show_exponent(value: float) -> str:
    """Print an exponent: ``(1/3)``."""
    text = show_number(value)
    return f"({text.replace(' ', '')})" if "/" in text else text


def _named(value: float) -> str:
    """Print a positive number; the logarithm and the root of a small whole number by their names."""
    logarithm, root = round(math.exp(min(value, 5))), round(min(value, 32) ** 2)
    for name, function, base in (("log", math.log, logarithm), ("sqrt", math.sqrt, root)):
        if value % 1 and base and math.isclose(value, function(base), rel_tol=ROUNDING):
            return f"{name}({base})"
    return repr(value).removesuffix(".0")
