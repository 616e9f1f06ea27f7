"""The lines of a derivation as LaTeX, with their reasons."""

import re
from collections.abc import Collection, Mapping, Sequence

from handgrad.derive.language.dims import flat
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.formula import Part, Vocabulary, read_formula
from handgrad.derive.language.latex import FUNCTIONS, NAMED, ONES, TRANSPOSED, Printer, aligned, matrix_text, name_latex
from handgrad.derive.language.matrix import has_matrix_form
from handgrad.derive.language.parse import typed
from handgrad.derive.spelling.result import Result

from .index import index_steps
from .steps import Step


class StepPrinter:
    """Prints the lines of a derivation as LaTeX, in the letters of the other claims."""

    def __init__(self, d: Result, spelling: Mapping[str, str] | None = None) -> None:
        self.d = d
        letters = {*flat(flat(d.shapes.values()))}
        self.shapes = {label: node.shape for node, label in d.labels.items() if label not in letters}
        self.shapes |= {name: expr.shape for name, expr in d.program.definitions.items()} | d.shapes
        self.vocabulary = Vocabulary({"J", *self.shapes}, letters)
        shown: dict[str, str] = {}
        for name in self.shapes:
            other = shown.setdefault(name_latex(name, spelling), name)
            if other != name:
                raise ExpressionError(f"{other} and {name} look the same in LaTeX; rename one of them")
        self.printer = Printer(spelling, {name: len(shape) for name, shape in self.shapes.items()})

    def is_matrix(self) -> bool:
        """Whether the derivative can be written without letters."""
        return has_matrix_form(self.d.program.result)

    def statement(self) -> str:
        """The derivative as an equation."""
        if not self.is_matrix():
            return self.result()
        above, below = self.printer.name(self.d.labels[self.d.root]), self.printer.name(self.d.wrt)
        return rf"\frac{{\partial {above}}}{{\partial {below}}} = {self.result()}"

    def result(self) -> str:
        """The derivative: as a matrix, or entry by entry if it has more than two axes."""
        d = self.d
        if self.is_matrix():
            return self.side(matrix_text(d.program.result))
        steps = index_steps(d)
        left = [step.left for step in steps if step.left][-1]
        right = [step.right for step in steps if step.left[:2] != "J["][-1]
        return f"{self.side(left)} = {self.side(right)}"

    def side(self, text: str) -> str:
        """One side of a line; what is NumPy in it, ``(G.T @ X)[p,q]``, is written in matrix notation."""
        node = read_formula(text, self.vocabulary) if text else None
        if node and node.op == "entry" and node.args[0].op not in NAMED:
            base = self.in_matrices(node.args[0], text)
            node = Part("entry", (Part("group", (base,)) if node.args[0].op in ("group", "mask") else base,), node.info)
        elif node and node.is_numpy():
            node = self.in_matrices(node, text)
        return self.printer.bare(node) if node else ""

    def in_matrices(self, node: Part, text: str) -> Part:
        """What was written in NumPy, in matrix notation."""
        expr = typed(node, text, self.shapes, self.vocabulary.dimensions)
        return read_formula(matrix_text(expr), self.vocabulary)

    def lines(self, steps: Sequence[Step], *, reasons: bool = True) -> str:
        """Lines, aligned at the equals sign, with their reasons."""
        lines = [
            f"{self.side(step.left)} &= {self.side(step.right)}"
            + (f" && {reason(step.rule, self.shapes)}" if reasons and step.rule else "")
            for step in steps
        ]
        return aligned(lines)


def reason(rule: str, names: Collection[str] = ()) -> str:
    r"""What licenses a line: an identity as a formula, anything else as words, with the names that it speaks of.

    Examples
    --------
    >>> print(reason("A:B = A^T:B^T"), reason("only G_Z varies", {"G_Z"}))
    A:B = A^{\mathsf{T}}:B^{\mathsf{T}} \text{only $G_{Z}$ varies}
    """
    if "=" in rule:
        rule = re.sub(r"\b1(?! /)", lambda _: ONES, rule)
        rule = re.sub(r"\b(diag|tr)\b", r"\\operatorname{\1}", rule)
        for sign, latex in {"^T": TRANSPOSED, "*": r"\odot", " / ": r" \oslash ", ", ": r",\ "}.items():
            rule = rule.replace(sign, latex)
        return rule

    def shown(word: str) -> str:
        if word in ("Phi", "phi"):
            return f"${FUNCTIONS[word]}$"
        stem = word.removeprefix("d") if word not in names else word
        if stem in names:
            return f"${'d' * (stem != word)}{name_latex(stem)}$"
        return "".join(rf"\{char}" if char in "_#%&" else char for char in word)

    return r"\text{" + "".join(map(shown, re.split(r"(\W+)", rule))) + "}"
