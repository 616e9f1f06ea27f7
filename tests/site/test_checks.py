"""The checks can fail: each of these pages has one fault, and the check must name it."""

from collections.abc import Callable

import checks
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from conftest import BAD

Tab = Callable[..., Page]


def soup(name: str) -> BeautifulSoup:
    return BeautifulSoup((BAD / f"{name}.html").read_text("utf-8"), "html.parser")


def test_a_file_name_is_no_alternative_text() -> None:
    assert checks.pictures(soup("picture")) == [
        "alt of data:,: 'images/3f2a.png'",
        "alt of data:,: None",
        "aria-label of a drawing: ''",
        "a drawing without role=img: <svg></svg>",
    ]


def test_headings_and_head() -> None:
    assert checks.head_and_headings(soup("headings")) == ["2 h1", "h3 follows h1", "no title", "no icon"]
    assert checks.description(soup("headings")) == ["description: ''"]


def test_an_id_twice() -> None:
    assert checks.ids(soup("ids")) == ["id 'a' occurs 2 times"]
    assert checks.nu(BAD / "ids.html") == ["ids.html:9: Duplicate ID “a”."]


def test_raw_tex() -> None:
    wrong = checks.typeset(soup("tex"))
    assert len(wrong) == 2
    assert "without MathML" in wrong[0]
    assert "TeX left" in wrong[1]


def test_terms() -> None:
    assert checks.terms(soup("terms")) == [
        "glossary.html#term-loss is linked 2 times",
        'a term is linked where it should not be: <a class="term" href="glossary.html#term-trace">trace</a>',
    ]


def test_dead_links() -> None:
    assert checks.links(BAD / "links.html", BAD) == [
        "nowhere.html leads nowhere",
        "ids.html#c: no such place in that page",
        "#here: no such place in that page",
    ]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("other-host", "request to another host: https://example.org/a.js"),
        ("error", "script: deliberate"),
        ("console", "console: deliberate"),
        ("missing", "not loaded"),
    ],
)
def test_a_noisy_page(name: str, complaint: str, tab: Tab) -> None:
    assert any(found.startswith(complaint) for found in checks.visit(tab(), f"{BAD.as_uri()}/{name}.html"))


def test_low_contrast(tab: Tab, bad_url: str) -> None:
    view = tab()
    assert checks.visit(view, f"{bad_url}/contrast.html") == []
    assert [complaint.split()[0] for complaint in checks.axe(view)] == ["color-contrast"]


def test_too_wide(tab: Tab, bad_url: str) -> None:
    view = tab(width=390)
    checks.visit(view, f"{bad_url}/wide.html")
    assert checks.horizontal_scroll(view) == ["the page is 2000 px wide in a window of 390 px"]


def test_out_of_the_keyboards_reach(tab: Tab, bad_url: str) -> None:
    view = tab()
    checks.visit(view, f"{bad_url}/keyboard.html")
    assert [complaint[:45] for complaint in checks.keyboard(view)] == [
        'not reached by Tab: <div onclick="">Press me<',
        'not reached by Tab: <a href="ids.html" tabind',
    ]


def test_a_page_that_jumps(tab: Tab, bad_url: str) -> None:
    view = tab()
    checks.visit(view, f"{bad_url}/jump.html")
    view.wait_for_function("document.getElementById('late') !== null")
    assert [complaint[:32] for complaint in checks.layout_shift(view)] == ["the page moves while it is drawn"]


def test_a_slow_page(tab: Tab, bad_url: str) -> None:
    view = tab()
    checks.visit(view, f"{bad_url}/slow.html")
    assert checks.settled_after(view) > 1.0
