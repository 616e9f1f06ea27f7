"""The lines of a derivation, in ASCII and in the signs of mathematics, and how they are laid out as text."""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """One line of a derivation.

    Attributes
    ----------
    left : str
        The left side; empty if it is that of the line before.
    right : str
        The right side.
    rule : str
        What licenses the line.
    joined : bool
        Whether the line may continue the one before, if there is room.
    result : bool
        Whether the line is what the lines before it were for.
    """

    left: str
    right: str
    rule: str
    joined: bool = False
    result: bool = False

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"

    def unicode(self, notation: str) -> "Step":
        """The same line with the signs of mathematics in place of ASCII."""
        left, right, rule = [to_unicode(text, notation) for text in self[:3]]
        return self._replace(left=left, right=right, rule=rule)


UNICODE = {"sum_": "Σ_", "delta[": "δ[", "^-1": "⁻¹", "^-T": "⁻ᵀ", "^T": "ᵀ", "^2": "²"}


def to_unicode(text: str, notation: str) -> str:
    """Replace ASCII by the signs that mathematics uses."""
    for ascii_sign, sign in UNICODE.items():
        text = re.sub(r"(?<!\w)" * ascii_sign[0].isalpha() + re.escape(ascii_sign) + r"(?![\d.])", sign, text)
    # Matrix notation says * for the elementwise product; in index notation it is NumPy's.
    return text.replace(" * ", " ∘ ") if notation == "frobenius" else text


def from_unicode(text: str) -> str:
    """Read it back: a sign says all that its ASCII says, and what comes after it belongs to something else."""
    for ascii_sign, sign in UNICODE.items():
        text = re.sub(re.escape(sign) + r"(?=[\d.])", f"{ascii_sign} ", text).replace(sign, ascii_sign)
    return text.replace(" ∘ ", " * ")


WIDTH = 88  # a joined line is no longer than this


def layout_text(steps: Sequence[Step], reasons: bool) -> str:
    """Align steps at the equals sign, and the reasons behind the longest line."""
    width = max([len(step.left) for step in steps if not step.result] or [0])
    lines: list[tuple[str, str]] = []
    indent = 0
    for step in steps:
        if step.left:
            left = f"=>  {step.left}" if step.result else f"{step.left:<{width}}"
            indent = len(left)
        text = f"{left if step.left else ' ' * indent} = {step.right}"
        if step.joined and not reasons and len(lines[-1][0]) + len(step.right) + 3 <= WIDTH:
            lines[-1] = (f"{lines[-1][0]} = {step.right}", "")
        else:
            lines.append((text, step.rule if reasons else ""))
    longest = max([len(text) for text, rule in lines if rule and len(text) < WIDTH] or [0])
    return "\n".join([f"{text:<{longest}}    {rule}" if rule else text for text, rule in lines])
