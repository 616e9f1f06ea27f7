"""Fold what stands between ``{solution-start}`` and ``{solution-end}``, executed cells included.

MyST-NB runs only the cells at the top level of a page, so a cell inside a directive would never be
executed.  Two markers around ordinary cells leave them at the top level; after reading, what lies
between them moves into one ``<details>``, which folds without a script.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class solution(nodes.container):  # noqa: N801 - docutils names its nodes in lower case
    """A folded solution; before the transform, the empty marker where one begins."""


class solution_end(nodes.Element):  # noqa: N801 - docutils names its nodes in lower case
    """The marker where a solution ends; the transform removes it."""


class SolutionStart(SphinxDirective):
    """``{solution-start} [title]``: fold from here under the title, "Solution" by default."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        start = solution(title=self.arguments[0] if self.arguments else "Solution")
        self.set_source_info(start)
        return [start]


class SolutionEnd(SphinxDirective):
    """``{solution-end}``: the folded part ends here."""

    def run(self) -> list[nodes.Node]:
        end = solution_end()
        self.set_source_info(end)
        return [end]


class FoldSolutions(SphinxTransform):
    """Move what lies between a pair of markers into the first of them."""

    default_priority = 300

    def apply(self, **kwargs: Any) -> None:
        for start in list(self.document.findall(solution)):
            siblings = start.parent.children
            following = siblings[siblings.index(start) + 1 :]
            for position, node in enumerate(following):
                if isinstance(node, solution_end):
                    for folded in following[:position]:
                        start.parent.remove(folded)
                        start += folded
                    node.parent.remove(node)
                    break
                if isinstance(node, solution | nodes.section):
                    break
            if not start.children:
                logger.warning(
                    "this {solution-start} has no {solution-end} after it in the same section, "
                    "or nothing between the two",
                    location=start,
                    type="solution",
                )
        for end in list(self.document.findall(solution_end)):
            logger.warning("this {solution-end} has no {solution-start} before it", location=end, type="solution")
            end.parent.remove(end)


def visit_html(translator: Any, node: solution) -> None:
    translator.body.append(f'<details class="solution"><summary>{translator.encode(node["title"])}</summary>\n')


def depart_html(translator: Any, node: solution) -> None:
    translator.body.append("</details>\n")


def pass_through(translator: Any, node: solution) -> None:
    """Other builders have nothing to fold with: the solution just stands there."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(
        solution,
        html=(visit_html, depart_html),
        latex=(pass_through, pass_through),
        text=(pass_through, pass_through),
        man=(pass_through, pass_through),
        texinfo=(pass_through, pass_through),
    )
    app.add_directive("solution-start", SolutionStart)
    app.add_directive("solution-end", SolutionEnd)
    app.add_transform(FoldSolutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
