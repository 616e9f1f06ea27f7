"""No unchecked equation: every displayed formula of the book is a claim, a definition or a piece of notation."""

import re
import shutil
from pathlib import Path

import pytest
from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser
from sphinx.cmd.build import build_main

from handgrad.sphinx import directives
from handgrad.sphinx.claim import Claim
from handgrad.sphinx.refute import refute

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if not set(page.parts) & {"_build", "node_modules", "_ext"})
ASSERTS_NOTHING = {"definition", "notation"}
PARSER = create_md_parser(MdParserConfig(enable_extensions={"dollarmath", "colon_fence", "amsmath"}), DocutilsRenderer)


def unchecked(text, first=1):
    """The lines on which displayed formulas stand that nobody checks and that are not marked as asserting nothing."""
    lines = []
    for token in PARSER.parse(text):
        line = first + (token.map[0] if token.map else 0)
        directive = re.match(r"\{([\w-]+)\}", token.info) if token.type in ("fence", "colon_fence") else None
        if token.type in ("math_block", "math_block_label", "amsmath"):
            lines.append(line)
        elif directive and directive[1] == "math":
            classes = re.search(r"^:class:(.*)$", token.content, re.MULTILINE)
            if not classes or not ASSERTS_NOTHING & set(classes[1].split()):
                lines.append(line)
        elif directive and directive[1] != "code-cell":
            lines += unchecked(token.content, line + 1)
    return lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_displayed_formula_of_a_page_is_checked(page):
    found = unchecked(page.read_text("utf-8"))
    assert found == [], f"{page.relative_to(DOCS)}: formulas that nobody checks on the lines {found}"


COUNTED = {
    "$$ a = b $$": [1],
    "text\n\n$$\na = b\n$$ (label)\n": [3],
    "```{math}\na = b\n```": [1],
    "```{math}\n:class: wide\na = b\n```": [1],
    "```{math}\n:class: definition\na = b\n```": [],
    ":::{math}\n:label: x\n:class: wide notation\na = b\n:::": [],
    "```{note}\n$$ a = b $$\n```": [2],
    "````{note}\n:class: tip\n\n```{math}\na = b\n```\n````": [4],
    "\\begin{align}\na &= b\n\\end{align}": [1],
    "```{identity} A == A\n:dims: A: n\n```": [],
    "$a = b$ in a line, `$$ a $$` in code\n\n```python\n$$ a $$\n```": [],
    "```{code-cell} python\nx = '$$ a $$'\n```": [],
}


@pytest.mark.parametrize(("text", "lines"), COUNTED.items())
def test_what_is_counted(text, lines):
    assert unchecked(text) == lines


ERRORS = [
    # a dropped or a wrong transpose
    ("== (G^T X)[a,b]", "== (G X)[a,b]"),
    ("== (G^T X)[a,b]", "== (G^T X)[b,a]"),
    ("sum_i (G^T)[a,i]", "sum_i G[a,i]"),
    ("(dX W^T) ==", "(dX W) =="),
    ("kron(W^T, I_N)", "kron(W, I_N)"),
    # factors in the wrong order
    ("vec(G W) ==", "vec(W G) =="),
    ("== (G^T X)[a,b]", "== (X^T G)[a,b]"),
    ("kron(W^T, I_N)", "kron(I_N, W^T)"),
    ("(G W) : dX", "dX : (W G)"),
    # signs and factors
    ("dL == G : (dX W^T)", "dL == -G : (dX W^T)"),
    ("== X[i,b] delta[j,a] ", "== 2 X[i,b] delta[j,a] "),
    ("== sum_i G[i,a] X[i,b] ", "== sum_i G[i,a] X[i,b] / N "),
    ("== sum_i G[i,a]\n", "== sum_i G[i,a] / N\n"),
    # letters
    ("Y[i,j] == sum_k X[i,k] W[j,k]", "Y[i,j] == sum_k X[i,k] W[k,j]"),
    ("X[i,k] delta[j,a] delta[k,b]", "X[i,k] delta[j,b] delta[k,a]"),
    ("sum_i (G^T)[a,i]", "sum_i (G^T)[i,a]"),
    ("dL/dW[a,b] == sum_ij G[i,j] dY[i,j]/dW[a,b]", "dL/dW[a,b] == sum_ij G[i,j] dY[i,j]/dW[b,a]"),
    ("dL/dW[a,b] == sum_ij G[i,j] X[i,b] delta[j,a]", "dL/dW[a,b] == sum_i G[i,j] X[i,b] delta[j,a]"),
    # layouts and variables
    ("{identity} dL/dW[a,b] == sum_ij", "{identity} dL/dX[a,b] == sum_ij"),
    ("dL == G : (dX W^T)", "dL/dX == G : (dX W^T)"),
    ("vec(G W) ==", "vec((G W)^T) =="),
    ("{identity} dL/db[a]", "{identity} dL/db"),
]


def test_deliberate_errors_in_a_page_are_all_caught(tmp_path, capsys):
    page = (DOCS / "questions/weight-gradient-by-indices.md").read_text("utf-8")
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser', 'handgrad.sphinx']\n", "utf-8")
    page = re.sub(r"^:label:.*\n", "", page, flags=re.MULTILINE)  # the copies would share them
    (tmp_path / "index.md").write_text(page, "utf-8")
    for number, (right, wrong) in enumerate(ERRORS):
        assert page.count(right) >= 1, f"the page does not contain {right!r} any more"
        (tmp_path / f"error{number}.md").write_text(page.replace(right, wrong, 1), "utf-8")
    build_main(["-q", "-N", "-b", "pseudoxml", str(tmp_path), str(tmp_path / "out")])
    caught = re.findall(r"(\w+)\.md:\d+: WARNING: .*\[handgrad\.identity\]", capsys.readouterr().err)
    assert sorted(set(caught)) == sorted(f"error{number}" for number in range(len(ERRORS)))


def doubled(text):
    """A claim with a factor 2 too many on the right of its last line; 0 becomes 1."""
    lines = text.splitlines()
    at = max(at for at, line in enumerate(lines) if "==" in line.partition("#")[0])
    formula, sign, reason = lines[at].partition("#")
    left, _, right = formula.rpartition("==")
    lines[at] = f"{left}== " + ("1 " if right.strip() == "0" else f"2 ({right.strip()}) ") + sign + reason
    return "\n".join(lines)


def read_the_book(folder):
    """Read all pages of the book, their claims and nothing else."""
    (folder / "conf.py").write_text(
        "extensions = ['myst_parser', 'handgrad.sphinx']\n"
        "myst_enable_extensions = ['attrs_block', 'attrs_inline', 'colon_fence', 'deflist', 'dollarmath', 'fieldlist']\n",
        "utf-8",
    )
    for page in PAGES:
        copy = folder / page.relative_to(DOCS)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(page, copy)
    build_main(["-q", "-N", "-b", "dummy", str(folder), str(folder / "out")])


@pytest.mark.parametrize("wrong", [True, False])
def test_a_factor_2_is_caught_in_every_claim_of_the_book(tmp_path, capsys, monkeypatch, wrong):
    seen = []

    class Watched(Claim):
        def __init__(self, text, *args, **options):
            seen.append(text)
            super().__init__(doubled(text) if wrong else text, *args, **options)

    monkeypatch.setattr(directives, "Claim", Watched)
    monkeypatch.setattr(directives.Refuted, "checked", lambda self: [])
    read_the_book(tmp_path)
    told = re.findall(r"\[handgrad\.(?:identity|claim)\]", capsys.readouterr().err)
    assert len(seen) >= 250
    assert len(told) == (len(seen) if wrong else 0)


def contradictions(held, refuted):
    """What is refuted on some conditions, and held to be equal on the same ones, perhaps by way of other sides."""
    equal = {}
    for check, left, right in held:
        one, other = (equal.setdefault((check, side), {(check, side)}) for side in (left, right))
        one |= other
        equal.update(dict.fromkeys(one, one))
    return [(check, left, right) for check, left, right in refuted if (check, right) in equal.get((check, left), ())]


def test_what_a_contradiction_is():
    held = [("n", "A", "B"), ("n", "C", "D"), ("m", "D", "E"), ("n", "B", "C")]
    refuted = [("n", "A", "D"), ("n", "A", "E"), ("m", "A", "D"), ("n", "A", "X")]
    assert contradictions(held, refuted) == refuted[:1]


def test_no_claim_of_the_book_is_refuted_on_the_conditions_on_which_it_holds(tmp_path, monkeypatch):
    held, refuted = [], []

    def said(claim):
        return [(claim.describe(), *(claim.sources[side].strip() for side in link)) for link in claim.links]

    class Watched(Claim):
        def check(self):
            held.extend(said(self))
            return super().check()

    def watched(claim, **options):
        refuted.extend(said(claim))
        return refute(claim, **options)

    monkeypatch.setattr(directives, "Claim", Watched)
    monkeypatch.setattr(directives, "refute", watched)
    read_the_book(tmp_path)
    assert len(held) >= 250
    assert len(refuted) >= 50
    assert contradictions(held, refuted) == []
