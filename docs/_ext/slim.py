"""Serve one small style sheet instead of eight with 550 kB.

After the pages are written, every style sheet they would load is read in order, the rules for classes
and ids that occur in no page and in no script are left out, and the rest becomes ``_static/book.css``.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from fonts import embed
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, LiteralToken, Node, QualifiedRule

# Loaded before every other sheet, by the theme's template and not through Sphinx's list.
THEME_SHEETS = ("basic.css", "styles/pydata-sphinx-theme.css")
SCRIPTS = ("*.js", "scripts/pydata-sphinx-theme.js", "scripts/sphinx-book-theme.js")


def remember_sheets(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Note which style sheets a page would load, in order."""
    app.slim_sheets = [str(sheet.filename).removeprefix("_static/") for sheet in context["css_files"]]  # type: ignore[attr-defined]  # one list, for this module only


def words_in_use(pages: list[str], static: Path) -> set[str]:
    """Return every class and id of every page, and every word of every script, for a script may set any."""
    words: set[str] = set()
    for page in pages:
        for names in set(re.findall(r'\b(?:class|id)=(?:"([^"]*)"|([^\s">]+))', page)):
            words.update(" ".join(names).split())
    for pattern in SCRIPTS:
        for script in static.glob(pattern):
            words.update(re.findall(r"[\w-]{3,}", script.read_text("utf-8")))
    return words


def names_in(selector: list[Node]) -> Iterator[str]:
    """Yield the classes and ids that must occur for a match, not those inside ``:not(...)`` and the like."""
    for before, node in pairwise([None, *selector]):
        if node.type == "hash" or (node.type == "ident" and before is not None and before == "."):
            yield node.value


def selectors(prelude: list[Node]) -> Iterator[list[Node]]:
    """Split a rule's prelude at its commas."""
    start = 0
    for position, node in enumerate([*prelude, None]):
        if node is None or node == ",":
            yield prelude[start:position]
            start = position + 1


def slim(rules: list[Node], words: set[str]) -> Iterator[Node]:
    """Yield the rules that can apply to a page of this site."""
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            alive = [selector for selector in selectors(rule.prelude) if words.issuperset(names_in(selector))]
            if alive:
                rule.prelude = [node for selector in alive for node in [*selector, LiteralToken(0, 0, ",")]][:-1]
                yield rule
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in {"media", "supports"} and rule.content:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            rule.content = list(slim(inner, words))
            if rule.content:
                yield rule
        elif not (isinstance(rule, AtRule) and rule.lower_at_keyword in {"charset", "import"}):
            yield rule


def bundle(static: Path, sheets: list[str], words: set[str]) -> str:
    """Return the style sheets as one, without the rules no page uses."""
    parts = []
    for name in sheets:
        folder = Path(name).parent.as_posix()
        rules = tinycss2.parse_stylesheet((static / name).read_text("utf-8"), skip_comments=True, skip_whitespace=True)
        css = "".join(rule.serialize() + "\n" for rule in slim(rules, words))
        css = re.sub(r"""url\(["']?(?!data:)([^"')]+)["']?\)""", rf"url({folder}/\1)", css)
        parts.append(f"/* {name} */\n{css}")
    return '@charset "utf-8";\n' + "".join(parts)


def write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    own = [sheet for sheet in app.slim_sheets if sheet not in THEME_SHEETS]  # type: ignore[attr-defined]  # set above
    pages = [page.read_text("utf-8") for page in sorted(site.rglob("*.html"))]
    css = bundle(static, [*THEME_SHEETS, *own], words_in_use(pages, static))
    characters = set(css).union(*pages)  # of the pages, and the icons, which stand in the style sheet
    css = embed(css, static, characters, Path(app.doctreedir) / "fonts")
    (static / "book.css").write_text(css, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", remember_sheets, priority=900)
    app.connect("build-finished", write, priority=900)  # after the extensions that still write style sheets
    return {"parallel_read_safe": True, "parallel_write_safe": True}
