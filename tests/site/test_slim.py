"""One small style sheet and small fonts, docs/_ext/slim.py and fonts.py: what is kept, and what is not."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import fonts
import katex_math
import slim

Tab = Callable[..., Page]
PAGE = (
    '<html><head><script src="_static/a.js?v=1"></script></head><div id="top" class="big red">x</div><b class=B>y</b>'
)
SCRIPT = (
    'const box = document.createElement("dialog"); box.className = wide ? "open" : "tooltip"; const other = "unmade";'
)
SHEET = """
@charset "utf-8";
:root { --asked: 1px; --through: var(--asked); --unasked: 2px; --by-script: 3px }
div.big:hover > b, div.small { margin: var(--through); content: "a; b" }
#top::before { color: red } #bottom { color: red } video { width: 1px } dialog.open { top: 0 } .unmade { top: 0 }
.tooltip { top: 0 }
@media print { .red:not(.small) { background: url("i.png"); animation: run 1s } .small { top: 0 } }
@media print { .small { top: 0 } }
@keyframes run { from { top: 0 } } @keyframes walk { from { top: 0 } }
.B { --unasked: 4px }
"""


def test_only_what_a_page_can_use_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(SCRIPT, "utf-8")
    (tmp_path / "b.js").write_text('node.className = "small";', "utf-8")  # a script no page loads
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "s.css").write_text(SHEET, "utf-8")
    words = slim.words_in_use([PAGE], slim.scripts_of([PAGE], tmp_path))
    css = slim.bundle(tmp_path, ["sub/s.css"], words, {"--by-script"})
    assert css.splitlines() == [
        '@charset "utf-8";',
        "/* sub/s.css */",
        ":root{--asked: 1px;--through: var(--asked);--by-script: 3px}",
        'div.big:hover > b{margin: var(--through);content: "a; b"}',
        "#top::before{color: red}",
        "dialog.open{top: 0}",
        "@media print {.red:not(.small){background: url(sub/i.png);animation: run 1s}",
        "}",
        "@keyframes run { from { top: 0 } }",
    ]


def test_a_font_has_the_characters_that_stand_in_it() -> None:
    formula = katex_math.typeset(
        r"W_{ab} x^{\mathsf{T}} = \mathbf{1} \bigl( n \bigr) < \text{if}", display=False, macros={}
    )
    found = fonts.characters_of(re.findall(r"</math><span[^>]*>(.*)</span></span>", formula), katex_math.light().css)
    assert {face: "".join(sorted(some)).strip() for face, some in found.items()} == {
        ("KaTeX_Main", "400", "normal"): "<=fi",
        ("KaTeX_Math", "400", "italic"): "Wabnx",
        ("KaTeX_SansSerif", "400", "normal"): "T",
        ("KaTeX_Main", "700", "normal"): "1",
        ("KaTeX_Size1", "400", "normal"): "()",
    }


def test_what_is_kept_is_made_once_and_again_when_its_source_changes(tmp_path: Path) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"made %d" % len(made))
        return made[-1]

    assert [fonts.kept(tmp_path, "name", source, make=make) for source in ("a", "a", "b", "a")] == [
        b"made 0",
        b"made 0",
        b"made 1",
        b"made 0",
    ]


@pytest.mark.parametrize(
    ("listing", "copied"),
    [
        ("x = 1\\n    y\\n", "x = 1\n    y"),
        (">>> f(2)\\n4\\n>>> for i in x:\\n...     g(i)\\n", "f(2)\nfor i in x:\n    g(i)"),
        ("$ handgrad derive\\nout\\n", "handgrad derive"),
    ],
)
def test_the_button_copies_what_was_typed(listing: str, copied: str, tab: Tab, site_url: str) -> None:
    view = tab()
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.goto(f"{site_url}/reference/operations.html")
    view.evaluate(f"""document.querySelector("div.highlight pre").textContent = "{listing}" """)
    view.get_by_role("button", name="Copy").first.click()
    expect(view.get_by_role("button", name="Copied")).to_be_visible()
    assert view.evaluate("navigator.clipboard.readText()") == copied


def test_the_words_of_a_search_are_marked_where_it_leads(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/search.html?q=transpose")
    view.locator("#search-results li a").first.click()
    expect(view.locator("span.highlighted").first).to_be_visible()
    view.reload()
    expect(view.locator("h1")).to_be_visible()
    expect(view.locator("span.highlighted")).to_have_count(0)
    assert view.locator("script[src*=sphinx_highlight]").count() == 0
