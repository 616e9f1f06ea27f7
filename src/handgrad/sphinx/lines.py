"""Read what stands on the lines of a claim and in its options."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from handgrad.derive import ExpressionError
from handgrad.derive.language.formula import Part, tokenize


class Row(NamedTuple):
    """One line of a claim: what it says is equal, and why.

    Attributes
    ----------
    sides : tuple of Part
        The first is the last side of the line before, if the line continues an equation.
    continues : bool
        Whether it does.
    reason : str
        What stands after ``#``.
    """

    sides: tuple[Part, ...]
    continues: bool
    reason: str


def read_rows(text: str, read: Callable[[str], Part]) -> Iterator[Row]:
    """Read the lines of a claim, with a reader for one formula."""
    sides: tuple[Part, ...] = ()
    for line in text.splitlines():
        equation, reason = (part.strip() for part in line.partition("#")[::2])
        if not equation:
            continue
        first, *others = read_sides(equation)
        begins = len(sides) == 1
        if first.strip():
            if begins:
                raise ExpressionError(f"the line before {equation!r} is no equation; write left == right")
            begins, sides = True, (read(first.strip()),)
        elif not sides:
            raise ExpressionError(f"{equation!r} continues an equation, but none stands before it")
        sides = (*sides[-1:], *(read(side.strip()) for side in others))
        if others:
            yield Row(sides, not begins, reason)
    if len(sides) < 2:
        raise ExpressionError("an equation is needed: left == right")


def read_sides(line: str) -> list[str]:
    """Cut a line at every ``==`` outside all parentheses.

    Examples
    --------
    >>> read_sides("A B == C == (D == 0)")
    ['A B ', ' C ', ' (D == 0)']
    """
    sides, depth, start = [], 0, 0
    for token in tokenize(line):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
        if depth == 0 and token.text == "==":
            sides.append(line[start : token.start])
            start = token.stop
    return [*sides, line[start:]]


def read_assignments(option: str, text: str) -> Iterator[tuple[str, str]]:
    """Read ``name = something`` separated by semicolons or line ends."""
    for part in text.replace("\n", ";").split(";"):
        if part.strip():
            name, sign, value = part.partition("=")
            if not sign or not name.strip() or not value.strip() or value.startswith("="):
                raise ExpressionError(f"{option}: {part.strip()!r} must be of the form 'name = ...'")
            yield name.strip(), value.strip()


def read_target(text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``Y`` or ``Y[i,j]``."""
    tokens = tokenize(text)
    inside = [token.text for token in tokens[2:-2]]
    plain = len(tokens) == 2
    indexed = (
        len(tokens) > 4
        and tokens[1].text == "["
        and tokens[-2].text == "]"
        and inside[1::2] == [","] * (len(inside) // 2)
    )
    if tokens[0].kind != "name" or not (plain or indexed):
        raise ExpressionError(f"let: {text!r} must be a name, or a name with letters such as Y[i,j]")
    return tokens[0].text, tuple(inside[::2])
