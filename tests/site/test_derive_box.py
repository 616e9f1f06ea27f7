"""The box in which a reader derives: Python in the browser, from this site alone."""

import re
from collections.abc import Callable

import checks
import pytest
from playwright.sync_api import Page, expect

from conftest import SITE

Tab = Callable[..., Page]
PAGE = "engine/derive-your-own.html"
SLOW = 60_000  # milliseconds; Python starts in two seconds on an idle machine


def ask(view: Page, **fields: str) -> None:
    for label, text in fields.items():
        view.locator(f"#derive-box [name={label}]").fill(text)
    view.get_by_role("button", name="Derive").click()


def says(view: Page, text: str | re.Pattern[str]) -> None:
    expect(view.locator("#derive-box [role=status]")).to_contain_text(text, timeout=SLOW)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_derives_and_checks(width: int, theme: str, tab: Tab, site_url: str) -> None:
    view = tab(width=width, theme=theme)
    complaints = checks.visit(view, f"{site_url}/{PAGE}")
    sample = view.locator(".derive-sample")
    expect(sample).to_be_visible()
    ask(view, expression="L(X @ W.T)", dims="X: n i, W: o i")
    says(view, re.compile(r"shape \(o, i\)\. \d+ lines are true"))
    expect(sample).to_have_count(0)
    derived = view.locator("#derive-box .derived")
    expect(derived.locator("pre").first).to_have_text("dL/dW = G.T @ X")
    expect(derived.locator("annotation", has_text=r"\sum_{n} G_{np} \, X_{nq}")).to_have_count(1)
    expect(derived.locator(".katex-html").first).to_be_visible()
    expect(derived.locator("pre").last).to_contain_text("def gradient(X, W, G):")
    assert complaints + checks.horizontal_scroll(view) + checks.axe(view) == []


@pytest.mark.parametrize(("width", "below"), [(1280, 0), (390, 2)])
def test_reasons_stand_where_there_is_room(width: int, below: int, tab: Tab, site_url: str) -> None:
    """Beside the steps of both notations, or below them; a turned phone counts."""
    view = tab(width=width)
    view.goto(f"{site_url}/{PAGE}")
    ask(view)
    says(view, "lines are true")
    small = view.locator("#derive-box .derived annotation", has_text="footnotesize")
    expect(small).to_have_count(below)
    cut_off = "[...document.querySelectorAll('#derive-box .derived > div')].filter((part) => part.scrollWidth > part.clientWidth)"
    assert view.evaluate(f"{cut_off}.length") == 0
    view.set_viewport_size({"width": 1670 - width, "height": 900})
    expect(small).to_have_count(2 - below)


def test_judges_a_gradient(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/{PAGE}")
    ask(view, expression="L(X @ W.T)", dims="X: n i, W: o i", candidate="X.T @ G")
    says(view, "Your gradient: transposed")
    ask(view, candidate="G.T @ X")
    says(view, "Your gradient: correct")


def test_says_what_is_wrong(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/{PAGE}")
    ask(view, expression="L(X @ W + b)")
    says(view, "cannot be derived")
    expect(view.locator("#derive-box .derived")).to_contain_text("^")
    ask(view, expression="L(X @ W.T + b)")
    says(view, "lines are true")


def test_a_new_question_is_answered_in_place_of_a_long_one(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/{PAGE}")
    deep = "X"
    for _ in range(200):
        deep = f"tanh({deep} @ W)"
    ask(view, expression=f"L({deep})", dims="X: n i, W: i i")
    ask(view, expression="L(X @ W)")
    says(view, "lines are true")
    expect(view.locator("#derive-box pre").first).to_have_text("dL/dW = X.T @ G")


def test_an_example_is_one_click(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/{PAGE}")
    view.locator("#derive-box a", has_text="attention").click()
    says(view, "lines are true")
    expect(view.locator("#derive-box .derived")).to_contain_text("P = softmax(Z)")
    view.locator("#derive-box a", has_text="a vector by a vector").click()
    says(view, "shape (o, i)")
    expect(view.locator("#derive-box [name=layout]")).to_have_value("numerator")


def test_the_address_keeps_the_question(tab: Tab, site_url: str) -> None:
    view = tab()
    view.goto(f"{site_url}/{PAGE}")
    ask(view, expression="sum(x**2)", dims="x: n", wrt="x")
    says(view, "lines are true")
    view.reload()
    expect(view.locator("#derive-box [name=expression]")).to_have_value("sum(x**2)")


def test_nothing_is_loaded_unasked_and_the_size_is_as_said(tab: Tab, site_url: str) -> None:
    view = tab()
    watch = checks.Watch(view)
    view.goto(f"{site_url}/{PAGE}", wait_until="load")
    said = view.locator("#derive-box [role=status]").inner_text()
    assert {name.rpartition("/")[2] for name in watch.files() if "/derive/" in name} == {"derive.js"}
    ask(view)
    says(view, "lines are true")
    loaded = sum(len(body) for name, body in watch.files().items() if "/derive/" in name)
    assert f"{round(loaded / 1e6)} MB" in said


def test_a_page_opened_as_a_file_says_what_to_do(tab: Tab) -> None:
    view = tab()
    assert checks.visit(view, f"{SITE.as_uri()}/{PAGE}") == []
    expect(view.get_by_role("button", name="Derive")).to_be_disabled()
    says(view, "python -m http.server")
