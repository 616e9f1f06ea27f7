"""The directives that print what `handgrad.derive` derives: ``{derivation}`` and ``{layouts}``."""

from collections.abc import Sequence
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives

from handgrad.derive import Derivation, ExpressionError, derive
from handgrad.derive.language.formula import tokenize
from handgrad.derive.language.latex import aligned
from handgrad.derive.notation.frobenius import STEPS
from handgrad.derive.notation.steps import Step
from handgrad.derive.notation.typeset import StepPrinter

from .claim import show_layout, show_shape
from .directives import Checked, inline_math
from .domain import table
from .lines import read_assignments

USERS = {
    "shape": "gradients in PyTorch, JAX and TensorFlow: the shape of the variable",
    "numerator": "Mathematics for Machine Learning: dy = J dx, the chain rule from left to right",
    "denominator": "texts with column gradients: the chain rule from right to left",
    "transposed-denominator": "texts that write d/dx with a transposed x",
}
LEADS = {"index": "In index notation:", "frobenius": "In matrix notation:"}


def read_notations(text: str) -> list[str]:
    """Read the names of notations, separated by commas.

    Examples
    --------
    >>> read_notations("index, frobenius")
    ['index', 'frobenius']
    """
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if name not in STEPS:
            raise ExpressionError(f"notation: {name!r} must be one of {', '.join(STEPS)}")
        if found.count(name) > 1:
            raise ExpressionError(f"notation: {name} is given twice, in {text!r}")
    return found


def read_ranges(text: str, length: int) -> list[int]:
    """Read ``1-3, 5``, counted from 1, as places counted from 0.

    Examples
    --------
    >>> read_ranges("1-3, 5", 6)
    [0, 1, 2, 4]
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise ExpressionError(f"steps: {part.strip()!r} must be a number or a range such as 2-4")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > length:
            raise ExpressionError(f"steps: {part.strip()!r} is not within 1 to {length}, the lines of the derivation")
        found += [number - 1 for number in numbers]
    return found


def stages(d: Derivation, steps: Sequence[Step]) -> list[list[Step]]:
    """Cut a derivation into its stages: what is defined, then one stage for each variable on the way.

    Mostly both notations have the same stages, so that they can be set side by side. The first stage,
    the definitions, may be empty.
    """
    found: list[list[Step]] = [[]]
    last = ""  # the left side of the line that ends the stage
    output = d.labels[d.root]
    for step in steps:
        if last and step.left and not step.left.startswith(last):
            found.append([])
            last = ""
        if step.rule == "definition" and not step.left.startswith("d"):
            found[0].append(step)
            continue
        if step.left.startswith(f"d{output}") and "/d" in step.left:
            last = step.left.partition("[p")[0]
        if len(found) == 1:
            found.append([])
        found[-1].append(step)
    return found


class DerivationDirective(Checked):
    """``{derivation}``: a derivative with all its steps."""

    kind = "derivation"
    required_arguments = 1
    optional_arguments = 0
    has_content = False
    option_spec: ClassVar[Any] = {
        **dict.fromkeys(("dims", "spell", "notation", "layout", "steps", "label", "collapsed"), directives.unchanged),
        "wrt": directives.unchanged_required,
        "class": directives.class_option,
    }

    def checked(self) -> list[nodes.Node]:
        """Show the derivation."""
        layout = self.options.get("layout", "shape")
        d = self.derive(layout)
        count = d.check()
        printer = StepPrinter(d, self.spelling())
        notations = read_notations(self.options.get("notation", "frobenius"))
        result = printer.statement()
        shown = self.side_by_side(d, printer, notations) if len(notations) == 2 else self.single(d, printer, *notations)
        if "collapsed" in self.options:
            title = self.options["collapsed"] or f"The derivation, {count} lines"
            opening = f'<details class="hg-fold"><summary>{escape(title)}</summary>'
            shown = [nodes.raw("", opening, format="html"), *shown, nodes.raw("", "</details>", format="html")]
        shapes = ", ".join(f"{name} {show_shape(shape)}" for name, shape in d.shapes.items())
        check = "; ".join(part for part in (shapes, self.arguments[0], show_layout(layout)) if part)
        return self.claim_box(shown, result, check, count)

    def derive(self, layout: str) -> Derivation:
        """Derive the argument."""
        if "wrt" not in self.options:
            raise ExpressionError("wrt: the name of the variable is needed, such as :wrt: W")
        dims = self.setting()["dims"]
        words = {token.text for token in tokenize(self.arguments[0])} | {self.options["wrt"]}
        used = {name: axes for name, axes in dims.items() if name in words}
        return derive(self.arguments[0], self.options["wrt"], used, layout=layout)

    def spelling(self) -> dict[str, str]:
        """LaTeX for names."""
        return dict(read_assignments("spell", self.setting().get("spell", "")))

    def single(self, d: Derivation, printer: StepPrinter, notation: str) -> list[nodes.Node]:
        """One notation, all lines or some."""
        steps = d.steps(notation)
        if "steps" in self.options:
            steps = [steps[at] for at in read_ranges(self.options["steps"], len(steps))]
        return self.math(printer.lines(steps))

    def side_by_side(self, d: Derivation, printer: StepPrinter, notations: Sequence[str]) -> list[nodes.Node]:
        """Two notations, stage by stage."""
        if "steps" in self.options:
            raise ExpressionError("steps: two notations have different lines; choose one notation, or leave steps out")
        columns = [stages(d, d.steps(notation)) for notation in notations]
        # one notation goes in fewer stages: definitions, then the rest
        if len(columns[0]) != len(columns[1]):
            columns = [[column[0], [step for stage in column[1:] for step in stage]] for column in columns]
        rows = [cells for cells in zip(*columns, strict=True) if any(cells)]
        grid = nodes.container(classes=["hg-side-by-side"])
        for row in rows:
            for notation, cell in zip(notations, row, strict=True):
                numbered = row is rows[-1] and cell is row[0]
                shown = self.math(printer.lines(cell, reasons=False), numbered=numbered) if cell else []
                if shown:  # on paper the stages stand below one another, not side by side
                    shown.insert(0, nodes.raw("", rf"\par\noindent {LEADS[notation]}", format="latex"))
                grid += nodes.container("", *shown)
        return [grid]


class Layouts(DerivationDirective):
    """``{layouts}``: one derivative in every layout, with its shape and who uses it."""

    kind = "layouts"
    option_spec: ClassVar[Any] = {
        name: DerivationDirective.option_spec[name] for name in ("wrt", "dims", "spell", "class")
    }

    def checked(self) -> list[nodes.Node]:
        """Derive and check in every layout, and show a table."""
        rows, shown, count = [], [], 0
        for layout, users in USERS.items():
            d = self.derive(layout)
            count += d.check()
            latex = StepPrinter(d, self.spelling()).result()
            shown.append(rf"&\text{{{layout}: }} && {latex}")
            rows.append([nodes.Text(layout), inline_math(latex), nodes.Text(d.shape), nodes.Text(users)])
        heads = ("Layout", "Derivative", "Shape", "Used by")
        words = f"{self.arguments[0]} by {self.options['wrt']}"
        return self.claim_box([table(heads, rows, (15, 35, 15, 35))], aligned(shown), words, count)
