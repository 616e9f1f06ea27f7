r"""Read LaTeX back: from ``\sum_{n} G_{np} \, X_{nq}`` to ``sum_n G[n,p] X[n,q]``.

Written against what the LaTeX means, not against its printer: what a reader of the typeset line sees is
translated, piece by piece, into the text of the notations, which `handgrad.derive.read` evaluates.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.functions import ARRAY, ELEMENTWISE
from handgrad.derive.language.latex import COMPARED, dimension_latex, name_latex

PIECES = {
    **{sign: sign for sign in " +-:<>/"}, **{latex: sign for sign, latex in COMPARED.items()},
    r"\,": "", r"\left": "", r"\right": "", "{}": "", r"\cdot": "",
    r"\odot": "*", r"\pi": "pi", r"\oslash": "/", r"\otimes": "⊗", r"}{\partial ": "/d", "}{": ") / (",
    r"^{\mathsf{T}}": "^T", r"^{-\mathsf{T}}": "^-T", "^{-1}": "^-1",
}  # fmt: skip
# What opens a part, what it says, and what its end says.
OPENING = {
    r"\frac{\partial ": ("d", ""), r"\frac{": ("((", "))"), r"\tfrac{": ("((", "))"), r"\sqrt{": ("sqrt(", ")"),
    r"^{\circ ": ("**(", ")"), "^{": ("^(", ")"), "(": ("(", ")"), "[": ("(", ")"),
    r"\lVert": ("norm(", ")"), r"\lvert": ("abs(", ")"),
}  # fmt: skip
CLOSING = (r"\rVert_F", r"\rVert", r"\rvert", ")", "]", "}")
COMMANDS = {r"\tr": "tr", r"\det": "det", r"\log\det": "logdet", r"\sigma": "sigmoid", r"\varphi": "phi",
            r"\operatorname{log\,softmax}": "log_softmax"}  # fmt: skip
NUMBER = r"[\d.]+"
LOWERED = r"_\{((?:[^{}]|\{[^{}]*\})*)\}"


def read_latex(
    text: str, names: Collection[str], sizes: Collection[str], functions: Collection[str] = ()
) -> str:  # fmt: skip
    r"""Translate LaTeX into the text of the notations.

    Parameters
    ----------
    text : str
        One side of a line.
    names, sizes, functions : collection of str
        The arrays, the dimensions and the unknown functions it may speak of.

    Returns
    -------
    str

    Raises
    ------
    ExpressionError
        With a caret under what cannot be read.

    Examples
    --------
    >>> print(read_latex(r"\sum_{n} G_{np} \, X_{nq}", {"G", "X"}, {"n"}))
    sum_n G[n,p] X[n,q]
    >>> print(read_latex(r"(G^{\mathsf{T}} X) : dW_{1}", {"G", "X", "dW1"}, {"n"}))
    (G^T X) : dW1
    """
    pieces, opening, pattern = _vocabulary(
        tuple(names), tuple(sizes), tuple(functions), tuple(ELEMENTWISE), tuple(ARRAY)
    )
    made, at = "", 0
    ends: list[str] = []  # of what is open
    while at < len(text):
        found = pattern.match(text, at)
        what, lowered, piece = found.groups() if found else ("", "", "")
        if found is None or (piece in CLOSING and not ends):
            raise ExpressionError("this cannot be read here", text, at, at + 1)
        if lowered is not None:
            made += _lowered(what, lowered)
        elif piece in CLOSING:
            made += ends.pop()
        elif piece in opening:
            made += opening[piece][0]
            ends.append(opening[piece][1])
        else:
            made += pieces.get(piece, piece)
        at = found.end()
    return " ".join(made.split())


def _lowered(what: str, text: str) -> str:
    """What stands below something: the letters of a sum, of a delta or of an array, the length of ones."""
    short, long = {r"\mathbf{1}": ("1_", "ones"), r"\mathbf{I}": ("I_", "eye"), "I": ("I_", "eye")}.get(what, ("", ""))
    if short:
        dims = [re.sub(r"\\text|[{}]", "", dim) for dim in text.replace(r"\_", "_").split(" ")]
        return short + dims[0] if len(dims) == 1 else f"{long}({'*'.join(dims)})"
    if what == r"\sum":
        return "sum_" + "".join(letters(text))
    return {r"\boldsymbol{\delta}": "kdelta", r"\delta": "delta", "": ""}[what] + f"[{','.join(letters(text))}]"


@lru_cache(maxsize=8)
def _vocabulary(
    names: tuple[str, ...], sizes: tuple[str, ...], functions: tuple[str, ...], elementwise: tuple[str, ...],
    arrays: tuple[str, ...],
) -> tuple[dict[str, str], dict[str, tuple[str, str]], re.Pattern[str]]:  # fmt: skip
    """What every piece says, what opens and closes, and a pattern of all of them, the longest first."""
    pieces = PIECES | {dimension_latex(name): name for name in sizes}
    pieces |= {f"d{name_latex(name[1:])}": name for name in names if name[0] == "d" and name[1:]}
    pieces |= {name_latex(name): name for name in names}
    pieces |= {f"({latex})": name for latex, name in pieces.items() if "_" in latex}  # two subscripts kept apart
    known = {rf"\operatorname{{{name}}}".replace("_", r"\_"): name
             for name in (*elementwise, "tr", "diag", *arrays, *functions)}  # fmt: skip
    known |= {f"\\{name}": name for name in (*elementwise, "max", "min")} | COMMANDS
    known |= {name_latex(name): name for name in functions}  # sigma may be another function than the sigmoid
    opening = dict(OPENING)
    for latex, name in known.items():  # L(Y) is a function, L (A : B) a product
        for parenthesis in ("(", r"\left("):
            opening[latex + parenthesis] = f"{name}(", ")"
            for axis in "01":
                opening[rf"{latex}_{{\text{{axis {axis}}}}}{parenthesis}"] = f"{name}(", f", axis={axis})"
    lowered = [r"\sum", r"\mathbf{1}", r"\mathbf{I}", r"\boldsymbol{\delta}", ""]
    lowered += ["I"] * ("I" not in names) + [r"\delta"] * ("delta" not in names)
    texts = sorted([*pieces, *opening, *CLOSING], key=len, reverse=True)
    patterns = ["|".join(map(re.escape, some)) for some in (lowered, texts)]
    return pieces, opening, re.compile(f"(?:({patterns[0]}){LOWERED})|({NUMBER}|{patterns[1]})")


def letters(text: str) -> list[str]:
    """Split an index: ``no``, ``n_{1}o``, ``(ik)0``."""
    return re.findall(r"\(?(?:0|[^\d()][1-9]*)\)?", re.sub("[_{},]", "", text))
