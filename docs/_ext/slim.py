"""Serve one small style sheet instead of ten with 550 kB.

After the pages are written, every style sheet they would load is read in order. Rules for elements, classes
and ids that are in no page, and that no script of a page makes, are left out, and so are values that no rule
asks for. The rest becomes ``_static/book.css``.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import tinycss2
from fonts import ICONS, characters_of, embed, kept
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, LiteralToken, Node, QualifiedRule

# Loaded before every other sheet, by the theme's template and not through Sphinx's list.
THEME_SHEETS = ("basic.css", "styles/pydata-sphinx-theme.css")
# What the theme's scripts would make, had the book a choice of versions, announcements, a menu of themes, live code.
LEFT_OUT = {
    *("bd-header-announcement", "dropdown-item", "dropdown-menu-dark", "highlight-link", "list-group-item"),
    *("list-group-item-action", "thebe-launch-button", "theme-switch-button", "tooltip"),
}
VALUE = re.compile(r"var\(\s*(--[\w-]+)")


def remember_sheets(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Note which style sheets a page would load, in the order of their priority."""
    sheets = sorted(context["css_files"], key=lambda sheet: getattr(sheet, "priority", 500))
    app.slim_sheets = [str(sheet.filename).removeprefix("_static/") for sheet in sheets]  # type: ignore[attr-defined]  # one list, for this module only


def scripts_of(pages: list[str], static: Path) -> list[str]:
    """Return the scripts that the pages load."""
    names = {name for page in pages for name in re.findall(r'<script[^>]* src="[./]*_static/([^"?]*)', page)}
    return [(static / name).read_text("utf-8") for name in sorted(names) if (static / name).exists()]


def words_in_use(pages: list[str], scripts: list[str]) -> set[str]:
    """Return every element, class and id of the pages and, of the scripts, every word that may become one."""
    words: set[str] = set()
    for page in pages:
        words.update(re.findall(r"<(\w+)", page))
        for quoted, bare in set(re.findall(r'\b(?:class|id)=(?:"([^"]*)"|([^\s">]+))', page)):
            words.update(quoted.split() or [bare])
    for script in scripts:
        words.update(re.findall(r"""createElement\(["'](\w+)""", script))
        for near in re.findall(r"(?:class|\bid\b)[^;]{0,120}", script, re.IGNORECASE):
            words.update(re.findall(r"[\w-]{3,}", near))
    return words - LEFT_OUT


def names_in(selector: list[Node]) -> Iterator[str]:
    """Yield the elements, classes and ids that must occur for a match, not those in ``:not(...)`` and the like."""
    for before, node in pairwise([None, *selector]):
        if node.type == "hash" or (node.type == "ident" and (before is None or before != ":")):
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


def written(rules: list[Node], asked: set[str] | None = None) -> Iterator[str]:
    """Yield each rule as text, without the custom properties that are not asked for; without rules that are empty."""
    for rule in rules:
        if isinstance(rule, AtRule) and rule.lower_at_keyword in {"media", "supports"}:
            inner = "".join(written(rule.content, asked))
            text = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}" if inner else ""
        elif isinstance(rule, AtRule):
            text = rule.serialize()
        else:
            said = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            valid = [one for one in said if one.type != "error"]
            kept = [one for one in valid if asked is None or one.name[:2] != "--" or one.name in asked]
            # A value may be one blank, and means something.
            body = ";".join(re.sub(r":$", ": ", one.serialize().rstrip()) for one in kept)
            prelude = re.sub(r"\s+", " ", tinycss2.serialize(rule.prelude)).strip()
            text = f"{prelude}{{{body}}}" if body else ""
        if text:
            yield text + "\n"


def asked_for(css: str, elsewhere: set[str]) -> set[str]:
    """Return the custom properties that a rule, a page or a script reads, or another one that is read."""
    definition = r"(?<![\w-])(--[\w-]+):([^;{}]*)"
    asked, new = set(), elsewhere | set(VALUE.findall(re.sub(definition, "", css)))
    parts: dict[str, set[str]] = {}
    for name, value in re.findall(definition, css):
        parts.setdefault(name, set()).update(VALUE.findall(value))
    while new:
        asked |= new
        new = set().union(*(parts.get(name, set()) for name in new)) - asked
    return asked


def bundle(static: Path, sheets: list[str], words: set[str], elsewhere: set[str]) -> str:
    """Return the style sheets as one, without what no page uses."""
    alive = []
    for name in sheets:
        rules = tinycss2.parse_stylesheet((static / name).read_text("utf-8"), skip_comments=True, skip_whitespace=True)
        alive.append((name, list(slim(rules, words))))
    everything = "".join(text for _, rules in alive for text in written(rules))
    asked = asked_for(everything, elsewhere)
    moving = set(re.findall(r"[\w-]+", " ".join(re.findall(r"animation(?:-name)?:([^;}]*)", everything))))
    parts = ['@charset "utf-8";\n']
    for name, rules in alive:
        used = [
            r
            for r in rules
            if r.type != "at-rule" or r.at_keyword != "keyframes" or moving.issuperset(names_in(r.prelude))
        ]
        css = "".join(written(used, asked))
        folder = Path(name).parent.as_posix()
        parts.append(f"/* {name} */\n")
        parts.append(re.sub(r"""url\(["']?(?!data:)([^"')]+)["']?\)""", rf"url({folder}/\1)", css))
    return "".join(parts)


def write(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    site, cache = Path(app.outdir), Path(app.doctreedir) / "slim"
    static = site / "_static"
    own = [sheet for sheet in app.slim_sheets if sheet not in THEME_SHEETS]  # type: ignore[attr-defined]  # set above
    sheets = [*THEME_SHEETS, *own]
    sources = [(static / sheet).read_text("utf-8") for sheet in sheets]
    pages = [page.read_text("utf-8") for page in sorted(site.rglob("*.html"))]
    scripts = scripts_of(pages, static)
    # Of the words, those that a style sheet has: the others, such as the ids of headings, come and go.
    words = words_in_use(pages, scripts).intersection(*[re.findall(r"[\w-]+", " ".join(sources))])
    elsewhere = set(VALUE.findall(" ".join(pages))).union(*(re.findall(r"--[\w-]+", script) for script in scripts))
    made_of = (Path(__file__).read_text("utf-8"), sources, sorted(words), sorted(elsewhere))
    css = kept(cache, "book.css", made_of, make=lambda: bundle(static, sheets, words, elsewhere).encode()).decode()
    formulas = {formula for page in pages for formula in re.findall(r"</math><span[^>]*>(.*?)</span>", page, re.DOTALL)}
    # An icon is a string of one character in the style sheet.
    characters = characters_of(formulas, css) | {ICONS: set(re.findall(r'"(.)"', css))}
    (static / "book.css").write_text(embed(css, static, characters, cache), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", remember_sheets, priority=900)
    app.connect("build-finished", write, priority=900)  # after the extensions that still write style sheets
    return {"parallel_read_safe": True, "parallel_write_safe": True}
