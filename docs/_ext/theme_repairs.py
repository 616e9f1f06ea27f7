"""Repair what the theme and MyST-NB get wrong, so that every page is light, valid and readable by everyone."""

import re
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit_hidden_cell(translator: Any, node: HideCodeCellNode) -> None:
    """Open a folded cell: its own name as the summary's, no paragraph inside it."""
    classes = " ".join(node["classes"])
    translator.body.append(
        f'<details class="admonition hide {classes}"><summary>{translator.encode(node["prompt_show"])}</summary>\n'
    )


def depart_hidden_cell(translator: Any, node: HideCodeCellNode) -> None:
    translator.body.append("</details>\n")


def visit_citation(translator: Any, node: nodes.citation) -> None:
    """Open an entry of the bibliography without docutils' role, which is deprecated and wants a parent it has not."""
    translator.body.append(translator.starttag(node, "div", classes=["citation"]))


def depart_citation(translator: Any, node: nodes.citation) -> None:
    translator.body.append("</div>\n")


def visit_cell(translator: HTML5Translator, node: nodes.entry) -> None:
    """Open a cell of a table: the empty corner above row headings is no heading."""
    HTML5Translator.visit_entry(translator, node)
    if not node.astext().strip():
        translator.body[-1] = translator.body[-1].replace("<th", "<td", 1)
        translator.context[-1] = "</td>\n"


def repair_listing(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Mark the definitions in a listing of source code by spans: a ``<pre>`` may hold no ``<div>``.

    Without the links back to the reference, which lead nowhere where a module's names are documented
    under more than one prefix.
    """
    if page.startswith("_modules/"):
        before, pre, rest = context["body"].partition("<pre>")
        listing, end, after = rest.partition("</pre>")
        listing = listing.replace("<div ", "<span ").replace("</div>", "</span>")
        listing = re.sub(r'<a class="viewcode-back".*?</a>', "", listing)
        context["body"] = before + pre + listing + end + after


def needed_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Leave out the scripts that do nothing on this page; site.js loads the marks of a search where one led to it."""
    idle = set() if page == "search" else {"_static/doctools.js", "_static/sphinx_highlight.js"}
    if "sd-tab-set" not in context.get("body", ""):
        idle.add("_static/design-tabs.js")
    context["script_files"] = [script for script in context["script_files"] if str(script.filename) not in idle]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_cell, depart_hidden_cell))
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_node(nodes.entry, override=True, html=(visit_cell, HTML5Translator.depart_entry))
    app.connect("html-page-context", repair_listing)
    app.connect("html-page-context", needed_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
