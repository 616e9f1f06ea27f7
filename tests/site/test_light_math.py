"""Light formulas, docs/_ext/light_math.py: every glyph stands where KaTeX puts it, and is said as KaTeX says it."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import katex_math
import light_math
from bs4 import BeautifulSoup

from conftest import SITE

Tab = Callable[..., Page]
FORMULAS = [
    r"Y_{ij} = \sum_{k=1}^{n} X_{ik} W_{jk} + b_j",
    r"\frac{\partial L}{\partial W_{pq}} = \frac{1}{2} \Bigl(\frac{a_{i_j}}{b^{2^n}}\Bigr)^{\mathsf{T}}",
    r"A = \begin{bmatrix} f_{11} & \cdots & f_{1n} \\ \vdots & \ddots & \vdots \\ f_{m1} & f & g \\ f_{p1} & u & v_{pn} \end{bmatrix}",
    r"\delta_{ij} = \begin{cases} 1 & \text{if } i = j \\ 0 & \text{if } i \ne j \end{cases}",
    r"\sqrt{1 + \sqrt[3]{x^2}} \ge \hat{y} + \bar{X} + \overline{uv} + \vec{w} + \underbrace{a + b}_{n}",
    r"\begin{aligned} dL &= G : dY \\ &= \langle G X, dW \rangle \end{aligned}",
    r"\lVert x \rVert_{2}^{2} \colon \mathbb{R}^n \to \operatorname{tr}\, \mathbf{1}_{\mathrm{out}} \otimes \prod\nolimits_i p_i",
    r"\begin{array}{c|c} a & b \\ \hline c & d \end{array} \xrightarrow{f'} \left\{ \binom{n}{k} \right\}",
]
# Where each glyph and each line stands in each formula.
PLACES = """() => [...document.querySelectorAll(".katex > [aria-hidden]")].map((formula) => {
  const from = formula.getBoundingClientRect(), places = [["the formula", 0, 0, from.width, from.height]];
  const place = (name, box) => places.push([name, box.x - from.x, box.y - from.y, box.width, box.height]);
  const walker = document.createTreeWalker(formula), range = document.createRange();
  for (let node; (node = walker.nextNode()); ) {
    if (node.nodeType === Node.TEXT_NODE) {
      for (let at = 0; at < node.data.length; at++) {
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        if (node.data[at] !== "\\u200b") place(node.data[at], range.getBoundingClientRect());
      }
    } else if (node.tagName === "svg" || getComputedStyle(node).borderBottomStyle === "solid") {
      place("a line", node.getBoundingClientRect());
    }
  }
  return places;
})"""


def as_katex(tex: str) -> str:
    return katex_math.from_katex(tex, display=True, macros={})


def as_ours(tex: str) -> str:
    return katex_math.typeset(tex, display=True, macros={})


def places(view: Page, css: str, write: Callable[[str], str]) -> list[list[list[object]]]:
    page = "".join(f"<p>{write(tex)}</p>" for tex in FORMULAS)
    view.set_content(f"<!doctype html><style>{css}</style>{page}")
    view.evaluate("document.fonts.ready")
    return view.evaluate(PLACES)


def moved(one: list[list[list[object]]], two: list[list[list[object]]]) -> list[float]:
    """Return how far, in pixels, something has moved or grown, for each formula."""
    far = []
    for left, right in zip(one, two, strict=True):
        assert [name for name, *_ in left] == [name for name, *_ in right]
        far.append(max(abs(p - q) for a, b in zip(left, right, strict=True) for p, q in zip(a[1:], b[1:], strict=True)))
    return far


def test_every_glyph_stands_where_katex_puts_it(tab: Tab, serve: Callable[[Path], str]) -> None:
    css, light = (katex_math.KATEX / "katex.min.css").read_text("utf-8"), katex_math.light().css
    view = tab()
    view.goto(f"{serve(katex_math.KATEX)}/katex.min.css")  # where the fonts are
    wanted = places(view, css, as_katex)
    assert max(moved(wanted, places(view, light, as_ours))) < 0.1
    # The comparison sees the least of the rules missing, and a script moved by a tenth of its height.
    for rule in (
        "margin-block:-99em",
        "margin-right:.2778em",
        "font-size:.7em",
        "position:relative",
        "display:inline-block",
    ):
        assert rule in light
        assert max(moved(wanted, places(view, light.replace(rule, ""), as_ours))) > 1, rule
    assert max(moved(wanted, places(view, light, lambda tex: as_ours(tex).replace("top:-.413em", "top:-.313em")))) > 1


@pytest.mark.parametrize("tex", FORMULAS)
def test_a_formula_is_light(tex: str) -> None:
    drawn = [re.sub(r"<math.*?</math>|<path.*?/path>", "", write(tex)) for write in (as_ours, as_katex)]
    assert len(drawn[0]) < 0.5 * len(drawn[1])


@pytest.mark.parametrize("tex", FORMULAS)
def test_a_formula_is_said_as_katex_says_it(tex: str) -> None:
    ours, theirs = (BeautifulSoup(write(tex), "html.parser").find("math") for write in (as_ours, as_katex))
    theirs.annotation.extract()
    assert ours.get_text() == theirs.get_text()
    for tag in (
        "mfrac",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "munderover",
        "msqrt",
        "mroot",
        "mtable",
        "mtr",
        "mtd",
        "mi",
    ):
        assert len(ours.find_all(tag)) == len(theirs.find_all(tag))
        # Each part is where its place says what it is: base, index, exponent.
        for one, two in zip(ours.find_all(tag), theirs.find_all(tag), strict=True):
            if tag.startswith(("mf", "ms", "mu", "mr")) and tag not in ("msqrt", "mtr"):
                assert [part.get_text() for part in one.find_all(recursive=False)] == [
                    part.get_text() for part in two.find_all(recursive=False)
                ]


def test_no_name_is_taken() -> None:
    names = katex_math.light().names
    assert len(set(names.values())) == len(names)
    others, _, formulas = (SITE / "_static" / "book.css").read_text("utf-8").partition("/* katex/")
    short = set(names.values()) - set(light_math.PUBLIC)
    assert not short & set(re.findall(r"\.([A-Za-z][\w-]*)", others))
    assert short & set(re.findall(r"\.([A-Za-z][\w-]*)", formulas))


def test_a_reason_goes_below_its_step_on_a_phone() -> None:
    steps = r"""dL &= \frac{a}{b} && \text{why} \\[0.8em]
&\neq c \\
&= d && a:b = c"""
    assert katex_math.below(steps).splitlines() == [
        r"dL &= \frac{a}{b} \\[-0.2em]",
        r" & \quad {\footnotesize \text{why}} \\[0.4em]",
        r"&\neq c \\",
        r"&= d \\[-0.2em]",
        r" & \quad {\footnotesize a:b = c}",
    ]


@pytest.mark.parametrize("tex", ["a = b", r"a &= b \\", r"&\text{shape}: && W"])
def test_a_formula_without_reasons_is_set_once(tex: str) -> None:
    assert katex_math.below(tex) == tex
