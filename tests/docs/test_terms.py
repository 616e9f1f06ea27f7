"""The first use of a term on a page leads to the glossary, and nothing else does."""

import re
import sys
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

from terms import pattern, plural

CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_parser", "terms"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
terms_unlinked = {{"identity"}}
"""
GLOSSARY = """# Glossary of layout

A layout is explained here.

```{glossary}
layout
  Where things are, in a chain rule.

numerator layout
  One of the layouts.

chain rule
  A rule.

bias
b
  A vector.

identity
  An equation.
```
"""


class Site:
    def __init__(self, root):
        self.root = root
        (root / "conf.py").write_text(CONF.format(ext=str(DOCS / "_ext")), "utf-8")
        (root / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', "utf-8")
        self.write("index", "# Index\n\n```{toctree}\nglossary\npage\nother\n```\n")
        self.write("glossary", GLOSSARY)
        self.write("page", "# Page\n\nA layout.\n")
        self.write("other", "# Other\n\nThe chain rule.\n")

    def write(self, name, text):
        (self.root / f"{name}.md").write_text(text, "utf-8")

    def build(self, builder="html", *options):
        out = self.root / "_build" / builder
        assert build_main(["-W", "-q", "-N", "-b", builder, *options, str(self.root), str(out)]) == 0
        return out

    def links(self, name="page"):
        """What is linked on a page, and the term it leads to."""
        html = (self.build() / f"{name}.html").read_text("utf-8")
        return re.findall(r'<a class="term reference internal" href="glossary\.html#term-(.*?)">([^<]*)</a>', html)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


LINKED = {
    "A layout, and the layout.": [("layout", "layout")],
    "Layouts differ. The CHAIN\nRULES hold.": [("layout", "Layouts"), ("chain-rule", "CHAIN\nRULES")],
    "Numerator layout, then a layout, then numerator layout.": [
        ("numerator-layout", "Numerator layout"),
        ("layout", "layout"),
    ],
    "Numerator layout twice: numerator layout.": [("numerator-layout", "Numerator layout")],
    "Two biases, one *bias*.": [("bias", "biases")],
    "*One*\n*layout*, or\n*two*\nand a layout.": [("layout", "layout")],
    "*One*\n*two*\nlayouts, and a chain rule.": [("layout", "layouts"), ("chain-rule", "chain rule")],
    "A **layout** in bold.": [("layout", "layout")],
    "- a layout in a list\n- another layout": [("layout", "layout")],
    "```{note}\nThe layout of a note.\n```": [("layout", "layout")],
    "| layout |\n|---|\n| chain rule |": [("chain-rule", "chain rule")],
    "The `layout`, [layout](https://example.org), $layout$, then layout.": [("layout", "layout")],
}
NOT_LINKED = [
    "## A layout",
    "`layout`, and $layout$, and [the layout](https://example.org)",
    "```python\nlayout\n```",
    "$$\nlayout\n$$",
    "```{figure} picture.svg\n:alt: A layout.\n\nThe layout in a caption.\n```",
    "```{rubric} The layout\n```",
    "```{admonition} A layout\nNothing.\n```",
    "A pre-layout, layout-free, layouted and relayout, layout2 and _layout.",
    "An identity, and identities.",
    "This [layout]{.everyday} is a word of every day.",
    "The rule of the chain.",
]


@pytest.mark.parametrize(("text", "links"), LINKED.items())
def test_a_first_use_is_linked(site, text, links):
    site.write("page", f"# Layout\n\n{text}\n")
    assert site.links() == links


@pytest.mark.parametrize("text", NOT_LINKED)
def test_other_uses_are_not(site, text):
    site.write("page", f"# Layout\n\n{text}\n")
    assert site.links() == []
    site.write("page", f"# Layout\n\n{text}\n\nThe layout.\n")  # nor do they count as the first
    assert site.links() == [("layout", "layout")]


def test_each_page_has_its_own_first_use_and_the_glossary_none(site):
    site.write("other", "# Other\n\nA layout, too.\n")
    assert (site.links("page"), site.links("other")) == ([("layout", "layout")], [("layout", "layout")])
    assert site.links("glossary") == []


def test_a_change_of_the_glossary_changes_pages_that_did_not_change(site):
    assert site.links() == [("layout", "layout")]
    assert site.links("other") == [("chain-rule", "chain rule")]
    page = site.root / "_build" / "html" / "page.html"
    page.write_text("not written again", "utf-8")
    site.write("glossary", GLOSSARY.replace("A rule.", "The rule."))
    site.build()
    assert page.read_text("utf-8") == "not written again"  # the terms are the same
    site.write("glossary", GLOSSARY.replace("\nlayout\n", "\nlayouting\n"))
    assert site.links() == []
    site.write("glossary", GLOSSARY)
    assert site.links() == [("layout", "layout")]


def test_a_site_without_terms_is_left_alone(site):
    site.write("glossary", "# Glossary\n\nEmpty.\n")
    assert site.links() == []


def test_parallel_builds_link_the_same(site):
    for number in range(8):
        site.write(f"more{number}", "---\norphan: true\n---\n# More\n\nA layout and a layout.\n")
    out = site.build("html", "-j", "2")
    for number in range(8):
        assert (out / f"more{number}.html").read_text("utf-8").count('class="term reference') == 1


def test_pages_in_one_document_keep_their_own_first_uses(site):
    site.write("other", "# Other\n\nA layout, too.\n")
    tex = next(site.build("latex").glob("*.tex")).read_text("utf-8")
    assert tex.count(r"\hyperref[\detokenize{glossary:term-layout}]") == 2
    single = (site.build("singlehtml") / "index.html").read_text("utf-8")
    assert single.count('class="term reference internal"') == 2


def test_the_longest_form_wins_and_a_plural_is_not_made_of_a_plural():
    forms = {"layout": None, "shape layout": None, "shape": None}
    assert [match[0] for match in pattern(forms).finditer("a shape layout, a shape, a layout")] == [
        "shape layout",
        "shape",
        "layout",
    ]
    assert [plural(word) for word in ("loss", "batch", "matrix", "identity", "vec")] == [
        "losses", "batches", "matrices", "identities", "vecs",
    ]  # fmt: skip


VOCABULARY = """gradient, derivative, upstream gradient, pullback, layout, numerator layout, denominator layout, shape layout,
transposed-denominator layout, Frobenius product, house convention, Jacobian, linear map, loss, sample, adjoint, transpose, inverse,
differential, index notation, Kronecker product, vec, trace, chain rule, backpropagation, operation, broadcasting, refuted claim"""


def missing(glossary):
    """The words of the vocabulary that a glossary does not explain."""
    body = re.search(r"```\{glossary\}\n(.*?)\n```", glossary, re.DOTALL)[1]
    terms = {line for line in body.splitlines() if line and not line.startswith(" ")}
    return [word for word in (word.strip() for word in VOCABULARY.split(",")) if word not in terms]


def test_the_glossary_has_the_vocabulary():
    glossary = (DOCS / "glossary.md").read_text("utf-8")
    assert missing(glossary) == []
    assert missing(glossary.replace("\npullback\n", "\npushback\n")) == ["pullback"]
