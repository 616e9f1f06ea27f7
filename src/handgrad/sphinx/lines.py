"""Read what stands on the lines of a claim and in its options."""

from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.derive import ExpressionError
from handgrad.derive.formula import Node, Vocabulary, cut, read_formula, tokenize


@dataclass(frozen=True)
class Row:
    """One line of a claim: the sides it adds, and why.

    Attributes
    ----------
    start : Node or None
        The left side, if the line starts an equation.
    sides : tuple of Node
        What it is equal to.
    reason : str
        What stands after ``#``.
    """

    start: Node | None
    sides: tuple[Node, ...]
    reason: str


def split_lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines that say something, each with its reason."""
    for line in text.splitlines():
        formula, _, reason = line.partition("#")
        if formula.strip():
            yield formula.strip(), reason.strip()


def read_rows(text: str, vocabulary: Vocabulary) -> Iterator[Row]:
    """Read the lines of a claim."""
    start: Node | None = None
    begun = False
    for line, reason in split_lines(text):
        pieces = cut(line, {"=="})
        first = pieces[0][1].strip()
        if first:
            if start:
                raise ExpressionError(f"the line before {line!r} is no equation; write left == right")
            start, begun = read_formula(first, vocabulary), True
        elif not begun:
            raise ExpressionError(f"{line!r} continues an equation, but none stands before it")
        sides = tuple(read_formula(side.strip(), vocabulary) for _, side in pieces[1:])
        if sides:
            yield Row(start, sides, reason)
            start = None
    if start or not begun:
        raise ExpressionError("an equation is needed: left == right")


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
