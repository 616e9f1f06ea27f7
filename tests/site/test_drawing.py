"""The drawings' helper, docs/_ext/book.py: what it puts on a page, and what it refuses."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import book

ALT = "Two lines that cross."


def drawn(monkeypatch: pytest.MonkeyPatch, picture: object) -> str:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(book, "display", lambda data, raw: shown.append(data))
    book.show(picture, alt=ALT, caption="A < B")
    (data,) = shown
    assert data["text/plain"] == ALT
    return data["text/html"]


def two_lines() -> object:
    fig = book.figure()
    ax = fig.subplots()
    ax.plot([0, 1], [0, 1], label="$W^T$")
    ax.plot([0, 1], [1, 0], color=book.RED)
    ax.legend()
    ax.grid()
    return fig


def test_a_figure_is_one_themed_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    html = drawn(monkeypatch, two_lines())
    assert html.startswith('<figure class="drawing"><svg role="img" aria-label="Two lines that cross."')
    assert "<figcaption>A &lt; B</figcaption>" in html
    for variable in ("--fig-ink", "--fig-muted", "--fig-grid", "--fig-blue", "--fig-red"):
        assert f"var({variable})" in html
    assert not set(re.findall(r"#[0-9a-f]{6}", html)) & set(book.VARIABLES)
    assert "DejaVu" not in html
    assert "metadata" not in html


def test_ids_are_the_drawings_own(monkeypatch: pytest.MonkeyPatch) -> None:
    line = '<svg viewBox="0 0 9 9"><defs><path id="p" d="M 0 0 L {} 9"/></defs><use href="#p"/><g id="unused"/></svg>'
    one, two = (drawn(monkeypatch, line.format(x)) for x in (8, 9))
    ids = [re.findall(r'id="([^"]*)"', html) for html in (one, two)]
    assert [len(found) for found in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert f'href="#{ids[0][0]}"' in one


def test_the_same_figure_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, two_lines()) == drawn(monkeypatch, two_lines())


@pytest.mark.parametrize("alt", ["", "   ", "fig.png", "A plot", "Three words only"])
def test_an_alternative_text_is_a_sentence(alt: str) -> None:
    with pytest.raises(ValueError, match="show: alt must be a sentence"):
        book.show(two_lines(), alt=alt)


@pytest.mark.parametrize("svg", ["", "<p>no</p>", "<svg></svg>", '<svg viewBox="0 0 1 1">'])
def test_an_svg_is_one_element_with_a_viewbox(svg: str) -> None:
    with pytest.raises(ValueError, match="show: the SVG must be one <svg> element with a viewBox"):
        book.show(svg, alt=ALT)
