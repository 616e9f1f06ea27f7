"""The directives and the role that put checked equations on a page."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.directives.patches import MathDirective
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_id

from handgrad.derive import DerivationError, ExpressionError
from handgrad.derive.language.dims import read_dims, show_axis

from .claim import Claim, FalseClaimError, show_sizes
from .domain import KINDS, ClaimDomain, Entry
from .lines import read_assignments, read_target
from .refute import Counterexample, refute

logger = logging.getLogger(__name__)

GIVEN = "handgrad_given"  # where a page keeps what {given} says
SETTING = dict.fromkeys(("dims", "where", "let", "spell", "sizes"), directives.unchanged)


def settle(own: Mapping[str, str], page: Mapping[str, str]) -> dict[str, Any]:
    """What the names of a claim stand for: what it says itself, and what the page says of other names.

    Examples
    --------
    >>> settle({"dims": "A: n n", "where": "A square"}, {"dims": "A: n m; B: m k*l", "let": "A = 2; C = A B"})
    {'dims': {'B': 'm k*l', 'A': 'n n'}, 'let': 'C = A B', 'where': 'A square'}
    """
    dims, page_dims = (_axes(options.get("dims", "")) for options in (own, page))
    lets, page_lets = (list(read_assignments("let", options.get("let", ""))) for options in (own, page))
    computed = {read_target(target)[0] for target, _ in lets}
    taken = {*dims, *computed}
    kept = [let for let in page_lets if read_target(let[0])[0] not in taken]
    # what the page computes may be computed from a name that it only gives
    ordered = lets + kept if computed & page_dims.keys() else kept + lets
    settled: dict[str, Any] = {
        name: "; ".join(options[name] for options in (page, own) if options.get(name)) for name in {**page, **own}
    }
    settled["dims"] = {name: axes for name, axes in page_dims.items() if name not in taken} | dims
    settled["let"] = "; ".join(f"{target} = {formula}" for target, formula in ordered)
    return settled


def _axes(dims: str) -> dict[str, str]:
    return {name: " ".join(map(show_axis, shape)) for name, shape in read_dims(dims).items()}


class Given(SphinxDirective):
    """``{given}``: what the names stand for in the claims that follow on the page."""

    option_spec: ClassVar[Any] = SETTING

    def run(self) -> list[nodes.Node]:
        """Keep the options; the next ``{given}`` replaces them."""
        self.env.temp_data[GIVEN] = self.options
        return []


class Checked(MathDirective):
    """What the directives have in common: a text, a mark, a number, a place in the list."""

    kind: ClassVar[str]
    option_spec: ClassVar[Any] = {"label": directives.unchanged, "class": directives.class_option, **SETTING}

    def run(self) -> list[nodes.Node]:
        """Check, then show; what is false or cannot be read becomes a warning with its place, on every build."""
        try:
            return self.checked()
        except (ExpressionError, FalseClaimError, DerivationError) as error:
            warn(self, self.kind, error)
            return [nodes.literal_block("", self.text())]

    @abstractmethod
    def checked(self) -> list[nodes.Node]:
        """What is shown, if the check finds nothing wrong."""

    def setting(self) -> dict[str, Any]:
        """What the names stand for here."""
        own = {name: self.options[name] for name in (*SETTING, "layout") if name in self.options}
        return settle(own, self.env.temp_data.get(GIVEN) or {})

    def text(self) -> str:
        """The argument and the lines below it."""
        return "\n".join([*self.arguments, *self.content])

    def math(self, latex: str, *, numbered: bool = True) -> list[nodes.Node]:
        """A displayed formula, numbered if it has a label."""
        node = nodes.math_block(
            latex, latex, docname=self.env.docname, number=None, label=self.options.get("label") if numbered else None
        )
        node["no-wrap"] = node["nowrap"] = False
        self.set_source_info(node)
        found: list[nodes.Node] = [node]
        self.add_target(found)
        return found

    def claim_box(self, content: Sequence[nodes.Node], latex: str, check: str, count: int) -> list[nodes.Node]:
        """The element around a claim, with its mark; the claim is entered in the list."""
        box = nodes.container(classes=["hg-claim", f"hg-{self.kind}", *self.options.get("class", [])])
        self.set_source_info(box)
        enter(self.env, self.state.document, box, content, Entry("", self.kind, latex, check, count))
        return [box]


def enter(
    env: BuildEnvironment, document: nodes.document, box: nodes.Element, content: Sequence[nodes.Node], entry: Entry
) -> None:
    """Put a claim into its box, with its mark, and into the list; the box gets an id that the site has once."""
    number = env.new_serialno("handgrad claim") + 1
    target = make_id(env, document, "claim", f"{env.docname}-{number}")
    box["ids"].append(target)
    document.set_id(box)  # a heading that would get the same id gets another one
    ClaimDomain.of(env).entries.setdefault(env.docname, []).append(entry._replace(target=target))
    # where a reference leads on paper: Sphinx's LaTeX writer passes over the ids of boxes
    place = nodes.raw("", rf"\phantomsection\label{{\detokenize{{{env.docname}:{target}}}}}", format="latex")
    box += [place, *content, mark(entry)]


def warn(place: SphinxDirective | SphinxRole, kind: str, error: Exception) -> None:
    """Warn, and have the page read again by the next build: a page that is not read does not warn."""
    place.env.note_reread()
    logger.warning("%s: %s", kind, error, location=place.get_location(), type="handgrad", subtype=kind)


def mark(entry: Entry) -> nodes.Node:
    """A check mark or a cross, with its meaning in words for whoever points at it or hears it."""
    kind = KINDS[entry.kind]
    words = escape(f"{kind.meaning}: {entry.check}" if entry.check else kind.meaning, quote=True)
    html = f'<span class="hg-mark" role="img" aria-label="{words}" title="{words}">{kind.mark}</span>'
    return nodes.raw("", html, format="html")


class Identity(Checked):
    """``{identity}``: equations that hold."""

    kind = "identity"
    option_spec: ClassVar[Any] = {**Checked.option_spec, "layout": directives.unchanged}

    def checked(self) -> list[nodes.Node]:
        """Show the equations, with a warning if they are false."""
        claim = Claim(self.text(), **self.setting())
        try:
            count = claim.check()
        except FalseClaimError as error:
            warn(self, self.kind, error)
            return self.math(claim.latex())
        return self.claim_box(self.math(claim.latex()), claim.latex(), claim.describe(), count)


class Refuted(Identity):
    """``{refuted}``: an equation that is false, with a counterexample."""

    kind = "refuted"
    option_spec: ClassVar[Any] = {**Identity.option_spec, "shapes": directives.flag}

    def checked(self) -> list[nodes.Node]:
        """Look for a counterexample; finding none is a warning."""
        claim = Claim(self.text(), **self.setting())
        example = refute(claim, by_shapes="shapes" in self.options)
        latex = claim.latex(r"\neq")
        words = nodes.paragraph("", "", *_tell(example), classes=["hg-counterexample"])
        return self.claim_box([*self.math(latex), words], latex, claim.describe(), 1)


def _tell(example: Counterexample) -> Iterator[nodes.Node]:
    """A counterexample in a sentence."""
    if example.left is None or example.right is None:
        yield nodes.strong("", "The shapes do not fit." if example.sizes else "Not equal.")
        yield nodes.Text(
            f" With {show_sizes(example.sizes)}, {example.reason}." if example.sizes else f" {example.reason}."
        )
        return
    yield nodes.strong("", "Not equal.")
    yield nodes.Text(" For example, with ")
    # The comma is part of the formula: a browser would begin a line with one that is not.
    arrays = [f"{name} = {matrix_latex(array)}," for name, array in example.arrays]
    for formula in (*arrays, *(f"{name}(z) = z^{{2}}," for name in example.squares)):
        yield inline_math(formula)
        yield nodes.Text(" ")
    place = ", ".join(f"{letter} = {at}" for letter, at in example.place.items())
    yield nodes.Text(f"{'at ' + place + ' ' if place else ''}the left side is ")
    yield inline_math(f"{matrix_latex(example.left)},")
    yield nodes.Text(" the right side ")
    yield inline_math(f"{matrix_latex(example.right)}.")


def inline_math(latex: str) -> nodes.math:
    """A formula in a line of text."""
    return nodes.math(latex, latex)


def in_a_line(latex: str) -> str:
    r"""Write a derivative that is a whole side with a slash: built up, its letters would be tiny.

    Examples
    --------
    >>> print(in_a_line(r"\frac{\partial L}{\partial W_{ab}} = \frac{1}{n} G"))
    \partial L / \partial W_{ab} = \frac{1}{n} G
    """
    part = r"(\\partial (?:[^{}]|\{[^{}]*\})*)"
    return re.sub(rf"(?<![^=] )\\frac\{{{part}\}}\{{{part}\}}(?= =|$)", r"\1 / \2", latex)


def matrix_latex(array: Any) -> str:
    r"""Print numbers as a matrix; whole numbers without a point, and what is 0 but for rounding as 0.

    Examples
    --------
    >>> print(matrix_latex(np.array([[1.0, -0.5, 1e-17]])))
    {\left(\begin{smallmatrix} 1 & -0.5 & 0 \end{smallmatrix}\right)}
    >>> print(matrix_latex(np.array([[2e-13]])))
    2 \cdot 10^{-13}
    """
    least = 1e-12 * np.max(np.abs(array))
    rows = [" & ".join(_number(x if abs(x) > least else 0.0) for x in row) for row in np.atleast_2d(array)]
    if np.size(array) == 1:
        return rows[0]
    body = r" \\ ".join(rows)
    return rf"{{\left(\begin{{smallmatrix}} {body} \end{{smallmatrix}}\right)}}"  # a letter: no space before a comma


def _number(x: float) -> str:
    digits, _, power = f"{x:.4g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits


class ClaimRole(SphinxRole):
    """``{claim}``: an equation in a line of text that holds; what its names stand for is in ``{given}``.

    Conditions and dimensions of its own follow after bars: ``A B == C | A: n m; B: m k | ...``.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Check, then show."""
        formula, *own = self.text.split("|")
        try:
            setting = settle(dict(zip(SETTING, own, strict=False)), self.env.temp_data.get(GIVEN) or {})
            claim = Claim(formula, **setting)
            count = claim.check()
        except (ExpressionError, FalseClaimError) as error:
            warn(self, "claim", error)
            return [nodes.literal("", formula)], []
        box = nodes.inline("", "", classes=["hg-claim"])
        entry = Entry("", "identity", claim.latex(), claim.describe(), count)
        enter(self.env, self.inliner.document, box, [inline_math(in_a_line(claim.latex()))], entry)
        return [box], []
