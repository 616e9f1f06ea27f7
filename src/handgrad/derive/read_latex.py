r"""Read LaTeX back: from ``\sum_{n} G_{np} \, X_{nq}`` to ``sum_n G[n,p] X[n,q]``.

Written against what the LaTeX means, not against its printer: what a reader of the typeset line sees is
translated into the text of the notations, which `handgrad.derive.read` evaluates.
"""

from collections.abc import Collection
from functools import lru_cache

from .errors import ExpressionError
from .functions import ARRAY, ELEMENTWISE
from .latex import dimension_latex, name_latex

SPACES = (r"\,", " ", r"\left", r"\right", "{}")
INFIX = {r"\odot": "*", r"\oslash": "/"}
COMMANDS = {r"\tr": "tr", r"\det": "det", r"\log\det": "logdet", r"\sigma": "sigmoid", r"\varphi": "phi",
            r"\operatorname{log\,softmax}": "log_softmax"}  # fmt: skip


class LatexReader:
    """Recursive descent over the characters.

    Parameters
    ----------
    text : str
        One side of a line.
    names : collection of str
        The names it may speak of: arrays, scalars, differentials.
    sizes : collection of str
        The dimensions, which are numbers too.
    functions : collection of str
        The unknown functions.
    """

    def __init__(
        self, text: str, names: Collection[str], sizes: Collection[str], functions: Collection[str] = ()
    ) -> None:
        self.text, self.at = text, 0
        self.has_delta = "delta" in names  # an array of that name
        self.names, self.functions = _spelled(
            tuple(names), tuple(sizes), tuple(functions), tuple(ELEMENTWISE), tuple(ARRAY)
        )

    def skip(self) -> None:
        """Move past space."""
        while space := next((space for space in SPACES if self.text.startswith(space, self.at)), ""):
            self.at += len(space)

    def take(self, *texts: str) -> str:
        """Move past one of some texts, if one stands here."""
        self.skip()
        for text in texts:
            if self.text.startswith(text, self.at):
                self.at += len(text)
                return text
        return ""

    def need(self, text: str) -> None:
        """Move past a text that must stand here."""
        if not self.take(text):
            raise ExpressionError(f"{text!r} is needed here", self.text, self.at, self.at + 1)

    def braced(self) -> str:
        """What stands in braces, as it is."""
        self.need("{")
        start, depth = self.at, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.text[self.at : self.at + 1], 0 if self.at < len(self.text) else -depth)
            self.at += 1
        return self.text[start : self.at - 1]

    def inner(self) -> str:
        """A formula in braces."""
        self.need("{")
        value = self.sum()
        self.need("}")
        return value

    def read(self) -> str:
        """Read everything."""
        value = self.sum()
        self.skip()
        if self.at < len(self.text):
            raise ExpressionError("the formula should end here", self.text, self.at, len(self.text))
        return value

    # -- The levels of precedence, the loosest first ----------------------------------------------

    def sum(self) -> str:
        """Summands with signs."""
        value = self.take("-") + self.frobenius()
        while sign := self.take("+", "-"):
            value += f" {sign} {self.frobenius()}"
        return value

    def frobenius(self) -> str:
        """``A : B``."""
        value = self.elementwise()
        return f"{value} : {self.elementwise()}" if self.take(":") else value

    def elementwise(self) -> str:
        r"""``\odot``, ``\oslash``, ``\otimes``; a Kronecker product is a function in the notations."""
        value = self.product()
        while sign := self.take(*INFIX, r"\otimes"):
            right = self.product()
            value = f"kron({value}, {right})" if sign == r"\otimes" else f"{value} {INFIX[sign]} {right}"
        return value

    def product(self) -> str:
        """Factors side by side."""
        factors = []
        while factor := self.power():
            factors.append(factor)
        if not factors:
            raise ExpressionError("a factor is needed here", self.text, self.at, self.at + 1)
        return " ".join(factors)

    def power(self) -> str:
        """A factor with what is raised or lowered."""
        value = self.atom()
        while value:
            if self.take("_"):
                value += f"[{','.join(letters(self.braced()))}]"
            elif self.take(r"^{\mathsf{T}}"):
                value += "^T"
            elif self.take(r"^{-\mathsf{T}}"):
                value += "^-T"
            elif self.take("^{-1}"):
                value += "^-1"
            elif self.take(r"^{\circ"):
                value += f"**({self.sum()})"
                self.need("}")
            elif self.take("^"):
                value += f"^({self.inner()})"
            else:
                break
        return value

    def atom(self) -> str:
        """A number, a name, a function, a fraction, something in parentheses; nothing if there is none."""
        self.skip()
        start = self.at
        while self.text[self.at : self.at + 1].isdigit() or self.text[self.at : self.at + 1] == ".":
            self.at += 1
        if self.at > start:
            if self.text[self.at : self.at + 2] in ("e-", "e+"):  # 1e-08
                self.at += 4
            return self.text[start : self.at]
        if self.take(r"\cdot"):
            return self.atom()
        if self.take(r"\sum_"):
            return "sum_" + "".join(letters(self.braced()))
        plain_identity = () if "I" in self.names else (("I_", "I_", "eye"),)
        for latex, short, long in ((r"\mathbf{1}_", "1_", "ones"), (r"\mathbf{I}_", "I_", "eye"), *plain_identity):
            if self.take(latex):
                inside = self.braced().replace(r"\_", "_").split(" ")
                dims = [dim.removeprefix(r"\text{").removesuffix("}") for dim in inside]
                return short + dims[0] if len(dims) == 1 else f"{long}({'*'.join(dims)})"
        if self.take(r"\boldsymbol{\delta}_"):
            return f"kdelta[{','.join(letters(self.braced()))}]"
        if not self.has_delta and self.take(r"\delta_"):
            return f"delta[{','.join(letters(self.braced()))}]"
        if self.take(r"\frac{\partial"):
            top = self.sum()
            self.need(r"}{\partial")
            below = self.sum()
            self.need("}")
            return f"d{top}/d{below}"
        if self.take(r"\frac", r"\tfrac"):
            return f"(({self.inner()}) / ({self.inner()}))"
        if self.take(r"\sqrt"):
            return f"sqrt({self.inner()})"
        for opening, closing in (("(", ")"), ("[", "]"), (r"\lVert", r"\rVert"), (r"\lvert", r"\rvert")):
            if self.take(opening):
                value = self.sum()
                if sign := self.take(">", "="):
                    value += f" {'==' if sign == '=' else sign} {self.sum()}"
                self.need(closing)
                self.take("_F")
                if opening == "(" and self.names.get(name_latex(value)) == value:
                    return value  # the parentheses keep two subscripts apart
                return {"(": "", "[": "", r"\lVert": "norm", r"\lvert": "abs"}[opening] + f"({value})"
        for latex, name in self.functions.items():  # L(Y) is a function, L (A : B) a product
            if self.text.startswith((f"{latex}(", rf"{latex}_{{\text", rf"{latex}\left("), self.at):
                self.take(latex)
                return name + self.arguments()
        return self.names.get(self.take(*self.names), "")

    def arguments(self) -> str:
        """The argument of a function, and the axis it goes along."""
        axis = ", axis=" + self.braced()[len(r"\text{axis ") : -1] if self.take("_") else ""
        self.need("(")
        value = self.sum()
        self.need(")")
        return f"({value}{axis})"


@lru_cache(maxsize=8)
def _spelled(
    names: tuple[str, ...], sizes: tuple[str, ...], functions: tuple[str, ...], elementwise: tuple[str, ...],
    arrays: tuple[str, ...],
) -> tuple[dict[str, str], dict[str, str]]:  # fmt: skip
    """What every name and every function looks like in LaTeX, the longest first."""
    spelled = {f"d{name_latex(name[1:])}": name for name in names if name[0] == "d" and name[1:]}
    spelled |= {name_latex(name): name for name in names}
    spelled |= {dimension_latex(name): name for name in sizes if name not in spelled}
    named = (*elementwise, "tr", "diag", *arrays, *functions)
    known = {rf"\operatorname{{{name}}}".replace("_", r"\_"): name for name in named}
    known |= {f"\\{name}": name for name in (*elementwise, "max", "min")} | COMMANDS
    known |= {name_latex(name): name for name in functions}  # sigma may be another function than the sigmoid
    longest_first = [dict(sorted(table.items(), key=lambda pair: -len(pair[0]))) for table in (spelled, known)]
    return longest_first[0], longest_first[1]


def letters(text: str) -> list[str]:
    """Split an index: ``no``, ``n_{1}o``, ``(ik)0``."""
    found: list[str] = []
    opening = ""
    for char in text.replace("_{", "").replace(",", "").replace("}", ""):
        if char.isdigit() and found and char != "0":
            found[-1] += char
        elif char == "(":
            opening = char
        elif char == ")":
            found[-1] += char
        else:
            found.append(opening + char)
            opening = ""
    return found


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
    return LatexReader(text, names, sizes, functions).read()
