"""Link the first use of a term on each page to the glossary.

Running text only: no headings, code, formulas, captions, outputs or links, and not the glossary's own page.
A term is found in any case and in the plural, as a whole word, the longest term first. Pages are written anew
when the terms change. ``[loss]{.everyday}`` is left alone.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

SKIPPED = (
    *(nodes.title, nodes.subtitle, nodes.rubric, nodes.caption, nodes.thead, nodes.term, nodes.field_name),
    *(nodes.reference, nodes.footnote_reference, nodes.citation, nodes.label, nodes.classifier),
    *(
        nodes.literal,
        nodes.title_reference,
        nodes.FixedTextElement,
        nodes.math,
        nodes.raw,
        nodes.system_message,
        nodes.problematic,
    ),
    *(addnodes.glossary, addnodes.desc_signature, addnodes.index, addnodes.toctree),
)
# Executed output, lists that are generated, and what a page marks itself.
SKIPPED_CLASSES = {"cell_output", "hg-claims-of", "hg-total", "hg-totals", "hg-counterexample", "everyday"}


class Target(NamedTuple):
    """A term as it is written in the glossary, and its place."""

    term: str
    docname: str
    place: str


def plural(term: str) -> str:
    """The plural of a term: its last word in the plural.

    Examples
    --------
    >>> [plural(term) for term in ("chain rule", "bias", "identity", "orthogonal matrix", "vec")]
    ['chain rules', 'biases', 'identities', 'orthogonal matrices', 'vecs']
    """
    if term.endswith("matrix"):
        return term.removesuffix("ix") + "ices"
    if term.endswith("y"):
        return term.removesuffix("y") + "ies"
    return term + ("es" if term.endswith(("s", "x", "ch", "sh")) else "s")


def vocabulary(env: BuildEnvironment) -> dict[str, Target]:
    """Every form of every term that is to be linked, in lower case, in the order of the glossary's terms."""
    unlinked = {term.lower() for term in env.config.terms_unlinked}
    found: dict[str, Target] = {}
    for (kind, term), (docname, place) in sorted(env.get_domain("std").objects.items()):
        if kind == "term" and term.lower() not in unlinked:
            found[plural(term.lower())] = Target(term, docname, place)
    return found | {target.term.lower(): target for target in found.values()}  # a term of its own is no plural


def pattern(forms: dict[str, Target]) -> re.Pattern[str]:
    """What finds any of the forms, the longest first; a form may be broken between lines, but is no part of a word."""
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    words = "|".join(r"\s+".join(map(re.escape, form.split())) for form in longest_first)
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)


def running_text(element: nodes.Element, docname: str) -> Iterator[tuple[str, list[nodes.Text]]]:
    """Every run of text, with its page: some builders put all pages into one document."""
    for is_text, run in groupby(element.children, lambda child: isinstance(child, nodes.Text)):
        if is_text:
            yield docname, list(run)  # each line may be a node of its own
            continue
        for child in run:
            if not isinstance(child, SKIPPED) and not SKIPPED_CLASSES & set(child.get("classes", ())):
                yield from running_text(child, child.get("docname", docname))


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link each term where it is first used on a page."""
    forms = vocabulary(app.env)
    if not forms:
        return
    finder = pattern(forms)
    linked: set[tuple[str, str]] = set()
    for page, run in list(running_text(doctree, docname)):
        text = "".join(run)
        pieces: list[nodes.Node] = []
        start = 0
        for match in finder.finditer(text):
            target = forms[" ".join(match[0].lower().split())]
            if page == target.docname or (page, target.term) in linked:
                continue
            linked.add((page, target.term))
            link = make_refnode(app.builder, docname, target.docname, target.place, nodes.Text(match[0]))
            link["classes"].append("term")
            pieces += [nodes.Text(text[start : match.start()]), link]
            start = match.end()
        if pieces:
            parent = run[0].parent
            at = next(at for at, child in enumerate(parent.children) if child is run[0])  # texts may be equal
            parent[at : at + len(run)] = [*pieces, nodes.Text(text[start:])]


def pages_to_write(_: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write all pages anew when the terms are not those of the last build."""
    before, now = getattr(env, "terms_vocabulary", None), vocabulary(env)
    env.terms_vocabulary = now  # kept with the environment
    return sorted(env.found_docs) if before is not None and before != now else []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("terms_unlinked", set(), "")
    app.connect("doctree-resolved", link_terms, priority=900)  # when all other links are made
    app.connect("env-updated", pages_to_write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
