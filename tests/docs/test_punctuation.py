"""What follows a short formula stays on its line; a long formula may break."""

import sys
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

from punctuation import KeepPunctuation


def kept(latex: str, after: str) -> tuple[list[str], str]:
    """The texts that must not break, and the whole text."""
    document = new_document("page")
    document += nodes.paragraph("", "", nodes.math(latex, latex), nodes.Text(after))
    KeepPunctuation(document).run()
    spans = [span.astext() for span in document.findall(nodes.inline) if "keep-together" in span["classes"]]
    return spans, document.astext()


@pytest.mark.parametrize("after", [".", ", so", "?\u201d she asked", "'s shape"])
def test_punctuation_stays_with_a_short_formula(after: str) -> None:
    spans, text = kept(r"W^{\mathsf{T}}", after)
    assert len(spans) == 1
    assert after.startswith(spans[0].removeprefix(r"W^{\mathsf{T}}"))
    assert text == r"W^{\mathsf{T}}" + after


@pytest.mark.parametrize(("latex", "after"), [("W", " and"), ("W", ""), ("a + b + c + d + e + f + g + h + i + j", ".")])
def test_nothing_else_is_kept(latex: str, after: str) -> None:
    assert kept(latex, after) == ([], latex + after)


def test_a_mark_stays_with_its_claim() -> None:
    document = new_document("page")
    claim = nodes.inline("", "", nodes.math("A", "A"), nodes.inline("", "mark"), classes=["hg-claim"])
    document += nodes.paragraph("", "", claim)
    KeepPunctuation(document).run()
    assert claim.parent["classes"] == ["keep-together"]


@pytest.mark.parametrize(("around", "kept_whole"), [([], ["A"]), (["cell_output"], [])])
def test_a_formula_of_a_written_table_is_kept_whole(around: list[str], kept_whole: list[str]) -> None:
    document = new_document("page")
    entry = nodes.entry("", nodes.paragraph("", "", nodes.math("A", "A"), nodes.Text(" and B")))
    document += nodes.container("", entry, classes=around)
    KeepPunctuation(document).run()
    assert [span.astext() for span in document.findall(nodes.inline)] == kept_whole
