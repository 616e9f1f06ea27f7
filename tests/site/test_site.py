"""Every built page: valid, light, quiet, and usable by everyone, in both themes and on a phone."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import checks
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from conftest import PAGES, SITE

Tab = Callable[..., Page]
WRITTEN = [page for page in PAGES if page not in {"genindex.html", "search.html"} and not page.startswith("_modules/")]
# The listings of the package's source come from one template: the longest stands for all.
LISTINGS = [page for page in PAGES if page.startswith("_modules/")]
LONGEST = max(LISTINGS, key=lambda page: (SITE / page).stat().st_size, default="index.html")
LOOKED_AT = [page for page in PAGES if page not in LISTINGS or page == LONGEST]


def formulas(page: str) -> int:
    return (SITE / page).read_text("utf-8").count("<math>")


# The page in the middle of those with mathematics on them, ordered by the number of formulas.
WITH_MATHEMATICS = sorted((page for page in PAGES if formulas(page) >= 10), key=formulas)
TYPICAL = WITH_MATHEMATICS[len(WITH_MATHEMATICS) // 2] if WITH_MATHEMATICS else "index.html"


@pytest.mark.parametrize(
    "check",
    [checks.pictures, checks.head_and_headings, checks.ids, checks.typeset, checks.terms],
    ids=lambda check: check.__name__,
)
def test_html(page: str, check: Callable[[BeautifulSoup], checks.Complaints]) -> None:
    assert check(BeautifulSoup((SITE / page).read_text("utf-8"), "html.parser")) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_description(name: str) -> None:
    assert checks.description(BeautifulSoup((SITE / name).read_text("utf-8"), "html.parser")) == []


def test_links(page: str) -> None:
    assert checks.links(SITE / page, SITE) == []


def test_nu_html_checker() -> None:
    assert checks.nu(*(SITE / page for page in PAGES)) == []


# The wide window asks the server, the narrow one opens the file: both ways must work, and so each is looked at
# in both themes.
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_in_a_browser(name: str, width: int, theme: str, tab: Tab, site_url: str) -> None:
    view = tab(width=width, theme=theme)
    complaints = checks.visit(view, f"{site_url if width == 1280 else SITE.as_uri()}/{name}")
    complaints += checks.layout_shift(view)
    if (width, theme) == (1280, "light"):
        complaints += checks.keyboard(view)
    view.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert complaints + checks.horizontal_scroll(view) + checks.axe(view) == []


def test_mathematics_needs_no_script(tab: Tab, site_url: str) -> None:
    view = tab(scripts=False)
    view.goto(f"{site_url}/{TYPICAL}")
    expect(view.locator(".katex > [aria-hidden]").first).to_be_visible()


@pytest.mark.parametrize(("width", "shown"), [(1280, 0), (576, 0), (575, 1), (390, 1)])
def test_one_of_two_drawings_of_a_formula_shows(width: int, shown: int, tab: Tab, site_url: str) -> None:
    """Reasons stand beside the steps where there is room, below them on a phone."""
    view = tab(width=width)
    view.goto(f"{site_url}/foundations/frobenius-product.html")
    view.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    twice = view.locator(".katex:has(> [aria-hidden] + [aria-hidden])")
    expect(twice.nth(2)).to_be_attached()
    for formula in twice.all():
        drawings = formula.locator("> [aria-hidden]")
        expect(drawings.nth(shown)).to_be_visible()
        expect(drawings.nth(1 - shown)).to_be_hidden()


# Of each cell of a table that is wider inside than outside: what stands in it lies over its neighbour.
SPILLED = """() => [...document.querySelectorAll("#symbols td")]
  .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.innerText)"""


@pytest.mark.parametrize("width", [320, 390, 600, 1280])
@pytest.mark.parametrize("name", ["notation.html", "glossary.html"])
def test_symbols_stay_in_their_cells(name: str, width: int, tab: Tab, site_url: str) -> None:
    view = tab(width=width)
    checks.visit(view, f"{site_url}/{name}")
    assert view.locator("#symbols td").count() > 30
    assert view.evaluate("getComputedStyle(document.querySelector('#symbols td')).overflowWrap") == "normal"
    assert view.evaluate(SPILLED) == []


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("claims")])
def test_no_list_of_claims_is_heavy(name: str) -> None:
    assert (SITE / name).stat().st_size < 400_000


# Tables to look things up in, of hundreds of formulas each.
LARGE = {"layouts/reference.html", "checking/errata.html"}


def test_weight(tab: Tab, site_url: str) -> None:
    """All that the browser loads for a page with mathematics, as it is, not compressed: HTML, styles, scripts, fonts."""

    def loaded(page: str) -> dict[str, int]:
        view = tab()
        watch = checks.Watch(view)
        view.goto(f"{site_url}/{page}", wait_until="load")
        weight = {name: len(body) for name, body in watch.files().items()}
        view.close()
        return weight

    weights = {page: loaded(page) for page in WITH_MATHEMATICS}
    totals = sorted((sum(weight.values()), page) for page, weight in weights.items())
    assert totals[len(totals) // 2][0] < 300_000, totals
    assert [(total, page) for total, page in totals if total > 375_000 and page not in LARGE] == []
    assert max(totals)[0] < 700_000
    # The page itself, the style sheet and the fonts are among what was counted.
    assert {Path(name).name for name in weights[TYPICAL]} > {Path(TYPICAL).name, "book.css", "fonts.js", "site.js"}


def test_settles_within_a_second(tab: Tab, site_url: str) -> None:
    def once() -> float:
        view = tab()
        checks.visit(view, f"{site_url}/{TYPICAL}")
        return checks.settled_after(view)

    assert min(once() for _ in range(5)) < 1.0


@pytest.mark.parametrize("width", [1280, 390])
def test_sidebar_opens_and_closes(width: int, tab: Tab, site_url: str) -> None:
    view = tab(width=width)
    checks.visit(view, f"{site_url}/index.html")
    search = view.get_by_role("button", name="Search")
    toggle = view.get_by_role("button", name="Toggle primary sidebar")
    (expect(search).to_be_visible if width == 1280 else expect(search).not_to_be_in_viewport)()
    toggle.click()
    (expect(search).not_to_be_in_viewport if width == 1280 else expect(search).to_be_in_viewport)()


def test_theme_follows_the_system_then_the_reader(tab: Tab, site_url: str) -> None:
    view = tab(theme="dark")
    checks.visit(view, f"{site_url}/index.html")
    root, switch = view.locator("html"), view.get_by_role("button", name="Dark theme")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    expect(root).to_have_attribute("data-theme", "light")
    view.reload()
    expect(root).to_have_attribute("data-theme", "light")
    expect(switch).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("opened", ["served", "file"])
def test_search(opened: str, tab: Tab, site_url: str) -> None:
    view = tab()
    complaints = checks.visit(view, f"{site_url if opened == 'served' else SITE.as_uri()}/index.html")
    view.get_by_role("button", name="Search").click()
    view.get_by_role("searchbox").fill("transpose")
    view.keyboard.press("Enter")
    expect(view.locator("#search-results li").first).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("transpose not inverse", "transpose-not-inverse"),
        ("why use matrix transpose in gradient descent", "transpose-not-inverse"),
        ("gradient transpose reverse order", "transpose-and-reverse"),
        ("computational load", "transpose-and-reverse"),
        ("numerator layout W or W^T", "which-layout"),
        ("smudge factor", "which-layout"),
        ("why is the gradient transposed", "transpose-and-reverse"),
        ("index notation", "weight-gradient-by-indices"),
    ],
)
def test_a_search_in_a_readers_words_finds_the_answer(words: str, answer: str, tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/search.html?q={quote(words)}")
    expect(view.locator("#search-results > p")).to_contain_text("found")
    found = [str(link.get_attribute("href")) for link in view.locator("#search-results li a").all()]
    assert [page for page in found if "claims" in page.partition("?")[0]] == []
    assert [page for page in found[:3] if f"questions/{answer}.html" in page]


def test_icons_are_drawn(tab: Tab, site_url: str) -> None:
    view = tab()
    checks.visit(view, f"{site_url}/index.html")
    drawn = view.evaluate(
        "document.fonts.check('900 16px \"Font Awesome 7 Free\"') || document.fonts.check('900 16px \"Font Awesome 6 Free\"')"
    )
    assert drawn
    for icon in view.locator("i[class*=fa-]:visible").all():
        assert icon.evaluate("e => getComputedStyle(e, '::before').content") not in {"none", '""'}


def test_hundreds_of_claims_are_checked() -> None:
    total = BeautifulSoup((SITE / "claims.html").read_text("utf-8"), "html.parser").select_one(".hg-total")
    assert total is not None
    assert int(total.get_text().split()[0]) >= 250


def test_every_source_is_a_page() -> None:
    docs = SITE.parents[1]
    sources = {
        path.relative_to(docs).with_suffix(".html").as_posix()
        for path in docs.rglob("*.md")
        if not {"_build", "_ext", "node_modules"} & set(path.parts)
    }
    assert sources <= set(PAGES)
    assert {Path(page) for page in sources}
