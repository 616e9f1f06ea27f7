"""The example site in every builder; what is false is a warning with its page and line."""

import re
import shutil
import zlib
from html import unescape
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

import handgrad.sphinx

EXAMPLE = Path(__file__).parent / "example"
STYLE = Path(handgrad.sphinx.__file__).with_name("handgrad.css")


@pytest.fixture
def site(tmp_path, capsys):
    """A copy of the example, to be changed and built."""
    return Site(tmp_path, capsys)


class Site:
    def __init__(self, folder, capsys):
        self.source, self.out, self.capsys = folder / "source", folder / "out", capsys
        shutil.copytree(EXAMPLE, self.source)

    def build(self, builder="html", *options):
        """Build; returns the warnings."""
        build_main(["-b", builder, "-q", "-N", *options, str(self.source), str(self.out)])
        return [line for line in self.capsys.readouterr().err.splitlines() if line.strip()]

    def page(self, name):
        return (self.out / name).read_text("utf-8")

    def write(self, name, text):
        (self.source / name).write_text(text, "utf-8")


def test_html(site):
    assert site.build() == []
    page = site.page("dense.html")
    assert len(re.findall(r'<div class="hg-claim hg-identity docutils container" id="claim-dense-\d+">', page)) == 2
    assert page.count('class="hg-claim hg-refuted docutils container"') == 1
    assert page.count('<span class="hg-claim" id=') == 2
    assert 'aria-label="Checked for random arrays: X (n, i), W (o, i); Y = X W^T, L = L(Y)"' in page
    assert "Not equal." in page
    assert page.count('class="hg-side-by-side docutils container"') == 1
    assert r"\frac{\partial L}{\partial W} &amp;= G^{\mathsf{T}} X" in page
    assert '<details class="hg-fold"><summary>All steps</summary>' in site.page("trace.html")
    assert ".hg-claim" in site.page("_static/handgrad.css")
    assert "_static/handgrad.css" in page


def test_the_first_build_has_the_checksum_of_the_style_sheet_and_the_second_gives_the_same_bytes(site):
    site.build()
    first = {path: path.read_bytes() for path in site.out.rglob("*.html")}
    (checksum,) = re.findall(r'href="_static/handgrad.css\?v=(\w+)"', site.page("dense.html"))
    assert int(checksum, 16) == zlib.crc32(STYLE.read_bytes().replace(b"\r", b""))
    shutil.rmtree(site.out / ".doctrees")
    site.build("html", "-E")
    assert {path: path.read_bytes() for path in site.out.rglob("*.html")} == first


def test_labels_are_numbered_and_resolved(site):
    site.build()
    assert re.findall(r'<span class="eqno">\((\d)\)', site.page("dense.html")) == ["1", "2"]
    assert re.findall(r'href="#equation-dense">\((\d)\)', site.page("dense.html")) == ["1", "1"]
    assert 'href="dense.html#equation-activation">(2)' in site.page("trace.html")


def test_the_list_has_every_claim_and_the_total(site):
    site.build()
    page = site.page("claims.html")
    assert "11 claims (6 hold, 2 refuted, 2 derived, 1 layouts)" in page
    assert len(re.findall(r"<li><div class=.math", page)) == 11
    assert r"\frac{\partial L}{\partial W} = (G \odot f'(Z))^{\mathsf{T}} X" in unescape(page)
    for name in ("dense.html", "trace.html"):
        ids = set(re.findall(r'id="(claim-\w+-\d+)"', site.page(name)))
        assert ids == set(re.findall(rf'href="{name}#(claim-\w+-\d+)"', page)) != set()


@pytest.mark.parametrize("layout", ["numerator", "shape"])
def test_a_derivation_in_the_list_tells_its_layout(site, layout):
    derived = f"```{{derivation}} L(A @ x)\n:wrt: A\n:dims: A: m n; x: n\n:layout: {layout}\n```\n"
    site.write("index.md", site.source.joinpath("index.md").read_text("utf-8") + derived)
    assert site.build() == []
    assert ("A (m, n), x (n); L(A @ x); numerator layout" in unescape(site.page("claims.html"))) == (
        layout == "numerator"
    )


CLAIM = "{claim}`A == A | A: n m`"


@pytest.mark.parametrize("order", [f"## Claim index 1\n\n{CLAIM}\n", f"{CLAIM}\n\n## Claim index 1\n\n## Claim 1\n"])
def test_no_heading_has_the_id_of_a_claim(site, order):
    site.write("index.md", site.source.joinpath("index.md").read_text("utf-8") + "\n" + order)
    assert site.build() == []
    page = site.page("index.html")
    ids = re.findall(r'(?:section|span)\b[^>]* id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) >= 3
    (target,) = re.findall('href="index.html#(claim-.*?)"', site.page("claims.html"))
    assert f'<span class="hg-claim" id="{target}">' in page


def test_on_one_page_every_claim_has_its_own_id_and_a_link_to_it(site):
    site.write("index.md", site.source.joinpath("index.md").read_text("utf-8") + f"\n{CLAIM}\n")
    site.build("singlehtml")
    page = site.page("index.html")
    ids = re.findall('class="hg-claim(?: [^"]*)?" id="(.*?)"', page)
    assert len(ids) == len(set(ids)) == 12
    assert sorted(re.findall('href="#(claim-.*?)"', page)) == sorted(ids)


PARTS = {
    "claims.md": "# Totals\n\n```{claims-index}\n:totals:\n```\n",
    "part1.md": "---\norphan: true\n---\n# Part 1\n\n```{claims-index}\n:of: dense\n```\n",
    "part2.md": "---\norphan: true\n---\n# Part 2\n\n```{claims-index}\n:of: tr*, index\n```\n",
}


def in_parts(site):
    for name, text in PARTS.items():
        site.write(name, text)
    site.write("index.md", site.source.joinpath("index.md").read_text("utf-8") + "\n{claim}`A == A | A: n m`\n")


def totals(site):
    """The table of totals: for each link its numbers."""
    rows = re.findall(r"<tr class=.row-\w+.>(.*?)</tr>", site.page("claims.html"), re.DOTALL)
    return {
        re.search('href="(.*?)"', row)[1]: [int(count) for count in re.findall(r"<p>(\d+)</p>", row)]
        for row in rows[1:]
    }


@pytest.mark.parametrize("options", [[], ["-j", "2"]])
def test_the_list_may_be_cut_into_parts_with_their_totals(site, options):
    in_parts(site)
    assert site.build("html", *options) == []
    assert "12 claims (7 hold, 2 refuted, 2 derived, 1 layouts)" in site.page("claims.html")
    assert r"\frac" not in site.page("claims.html")
    found = totals(site)
    assert list(found) == ["part2.html#claims-of-index", "part1.html#claims-of-dense", "part2.html#claims-of-trace"]
    assert [sum(counts[:-1]) for counts in found.values()] == [1, 7, 4]
    assert found["part2.html#claims-of-index"] == [1, 0, 0, 0, 1]
    for part, pages in (("part1", ["dense"]), ("part2", ["index", "trace"])):
        page = site.page(f"{part}.html")
        assert re.findall('<section class="hg-claims-of" id="(claims-of-.*?)">', page) == [
            f"claims-of-{name}" for name in pages
        ]
        assert len(re.findall(r"<li><div class=.math", page)) == sum(
            sum(found[f"{part}.html#claims-of-{name}"][:-1]) for name in pages
        )


def test_a_change_of_a_page_changes_its_part_and_the_totals_only(site):
    in_parts(site)
    site.build()
    (site.out / "part1.html").write_text("not written again", "utf-8")
    site.write("trace.rst", "Traces\n======\n\n.. identity:: trace(A) == trace(A.T)\n   :dims: A: n n\n")
    assert site.build() == []
    assert site.page("part1.html") == "not written again"
    assert ">Traces</a>" in site.page("part2.html")
    assert totals(site)["part2.html#claims-of-trace"] == [1, 0, 0, 0, 1]
    (site.source / "trace.rst").unlink()
    site.write("index.md", "# Checked equations\n\n```{toctree}\ndense\nclaims\n```\n\n{claim}`A == A | A: n`\n")
    (warning,) = site.build()
    assert "claims-index: no page with claims matches 'tr*'" in warning
    assert list(totals(site)) == ["part2.html#claims-of-index", "part1.html#claims-of-dense"]


def test_a_page_that_no_list_has_is_a_warning_and_so_is_a_list_of_nothing(site):
    in_parts(site)
    site.write("part2.md", PARTS["part2.md"].replace("tr*, index", "index, nowhere/*"))
    told = sorted(re.sub(r".*source/", "", line) for line in site.build())
    assert told == [
        "claims.md:3: WARNING: claims-index: no list has the claims of 'trace' [handgrad]",
        "part2.md:6: WARNING: claims-index: no page with claims matches 'nowhere/*' [handgrad]",
    ]
    for name in ("part1.md", "part2.md"):
        (site.source / name).unlink()
    assert site.build() == []  # without lists the totals lead to the pages
    assert list(totals(site)) == ["index.html", "dense.html", "trace.html"]


@pytest.mark.parametrize(
    ("builder", "file"), [("latex", "example.tex"), ("text", "dense.txt"), ("pseudoxml", "dense.pseudoxml")]
)
def test_other_builders(site, builder, file):
    assert site.build(builder) == []
    page = site.page(file)
    assert r"G^{\mathsf{T}} X" in page.replace(" : ", " ")
    assert "Not equal." in page
    assert "✓" not in page or builder == "pseudoxml"


def test_two_notations_are_told_apart_on_paper(site):
    site.build("latex")
    told = re.findall(r"\\noindent In (\w+) notation:\s*\\begin\{equation", site.page("example.tex"))
    assert told == ["index", "matrix"] * (len(told) // 2) != []
    site.build("text")
    assert "notation:" not in site.page("dense.txt")


def test_the_list_leads_to_every_claim_on_paper_too(site):
    site.write("index.md", site.source.joinpath("index.md").read_text("utf-8") + f"\n{CLAIM}\n")
    site.write("claims.md", site.source.joinpath("claims.md").read_text("utf-8") + f"\n{CLAIM}\n")
    site.write("orphan.md", f"---\norphan: true\n---\n# Orphan\n\n{CLAIM}\n")
    assert site.build("latex") == []
    tex = site.page("example.tex")
    places = re.findall(r"\\label\{\\detokenize\{(\w+:claim-\w+-\d+)\}\}", tex)
    assert len(places) == len(set(places)) == 13
    assert set(re.findall(r"\\hyperref\[\\detokenize\{(\w+:claim-\w+-\d+)\}\]", tex)) == set(places)
    assert "index:claim-index-1" in places
    assert "14 claims" in tex  # that of the orphan is in the list, without a link


def test_parallel_reading_finds_the_same(site):
    site.build()
    alone = site.page("claims.html")
    for number in range(8):
        site.write(
            f"more{number}.md",
            ":orphan:\n\n# More\n\n```{identity} A == A^T^T\n:dims: A: n m\n```\n".replace(
                ":orphan:", "---\norphan: true\n---"
            ),
        )
    shutil.rmtree(site.out)
    assert site.build("html", "-j", "2") == []
    both = site.page("claims.html")
    assert "19 claims" in both
    assert alone.count("<li>") + 8 == both.count("<li>")


def test_a_page_that_did_not_change_is_not_checked_again(site, monkeypatch):
    site.build()
    checked = []
    from handgrad.sphinx.claim import Claim

    check = Claim.check
    monkeypatch.setattr(Claim, "check", lambda self, *args: (checked.append(self.text), check(self, *args))[1])
    assert site.build() == []
    assert checked == []
    site.write("trace.rst", "The trace\n=========\n\n.. identity:: trace(A) == trace(A.T)\n   :dims: A: n n\n")
    assert site.build() == []
    assert checked == ["trace(A) == trace(A.T)"]
    assert "8 claims" in site.page("claims.html")


def test_a_false_claim_warns_at_every_build_until_it_is_mended(site):
    right = site.source.joinpath("dense.md").read_text("utf-8")
    site.write("dense.md", right.replace("dL/dW == G^T X\n", "dL/dW == X^T G\n"))
    for _ in range(2):
        (warning,) = site.build()
        assert warning.startswith(f"{site.source / 'dense.md'}:8: WARNING: identity: dL/dW == X^T G is false for n = ")
        assert "the left side is a 4 x 3 matrix, the right side a 3 x 4 matrix [handgrad.identity]" in warning
    site.write("dense.md", right)
    assert site.build() == []


WRONG = {
    "```{identity} A == A\n```": "identity: unknown name 'A'",
    "```{identity} A == A\n:dims: A n\n```": "identity: dims: 'A n' must be of the form",
    "```{refuted} A == A\n:dims: A: n\n```": "refuted: A == A is called refuted, but it holds",
    "```{refuted} A == A\n:dims: A: n\n:shapes:\n```": "refuted: A == A is called refuted by its shapes, but for n = 2",
    "```{refuted} A == A^T\n:dims: A: n\n```": "refuted: no numbers refute A == A^T: for n = 3, the left side is a column",
    "```{refuted} A == 1/c A\n:dims: A: n; c:\n```": "refuted: a product after '/' is ambiguous",
    "```{refuted} A == 1/(c A)\n:dims: A: n; c:\n```": "refuted: A == 1/(c A) cannot be evaluated: a number divided by",
    "{claim}`A == 2 A | A: n`": "claim: A == 2 A is false for n = 2",
    "{claim}`A = A | A: n`": "claim: '=' has no meaning here",
    "```{derivation} A @ A\n:dims: A: n n\n```": "derivation: wrt: the name of the variable is needed",
    "```{derivation} A @\n:wrt: A\n:dims: A: n n\n```": "derivation: the expression ends",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:notation: prose\n```": "derivation: notation: 'prose' must be one of index, frobenius",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:notation: index, frobenius\n:steps: 1\n```": "derivation: steps: two notations",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:notation:\n```": "derivation: notation: '' must be one of index, frobenius",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:notation: index, frobenius, index\n```": "derivation: notation: index is given twice, in 'index, frobenius, index'",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:notation: index, index\n```": "derivation: notation: index is given twice, in 'index, index'",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:steps: 1-\N{SUPERSCRIPT TWO}\n```": "derivation: steps: '1-\N{SUPERSCRIPT TWO}' must be a number or a range",
    "```{identity} A^B == A^B\n:dims: A: n n; B: n n\n```": "identity: A^B == A^B cannot be evaluated: a 2 x 2 matrix ^ a 2 x 2",
    "```{refuted} A^x == A\n:dims: A: n n; x: n\n```": "refuted: A^x == A cannot be evaluated: a 1 x 1 matrix ^ a column of 1",
    "```{identity} (A + delta[a,b])[a,b] == A[a,b]\n:dims: A: n n\n```": "identity: (A + delta[a,b])[a,b] == A[a,b] is false for n = 2",
    "{claim}`inv(A / 0) == A | A: n n`": "claim: inv(A / 0) == A is false for n = 2: the inverse of a singular matrix",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:steps: all\n```": "derivation: steps: 'all' must be a number or a range",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:steps: 1-99\n```": "derivation: steps: '1-99' is not within 1 to",
    "```{derivation} A @ A\n:wrt: A\n:dims: A: n n\n:layout: odd\n```": "derivation: layout: 'odd' must be one of",
    "```{layouts} A @ A\n:wrt: B\n:dims: A: n n\n```": "layouts: wrt: 'B' must be one of the names",
}


def test_what_is_wrong_is_a_warning_and_the_text_stays(site):
    for number, text in enumerate(WRONG):
        site.write(f"wrong{number:02}.md", f"---\norphan: true\n---\n# Wrong\n\n{text}\n")
    told = dict.fromkeys(range(len(WRONG)), "")
    for line in site.build("text"):
        found = re.search(r"wrong(\d+)\.md:6: WARNING: (.*)", line)
        if found:
            told[int(found[1])] = found[2]
    for number, message in enumerate(WRONG.values()):
        assert told[number].startswith(message)
        assert "A" in site.page(f"wrong{number:02}.txt")


def test_given_is_replaced_by_the_next_and_overruled_by_a_directive(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write(
        "dense.md",
        """# Dense

```{given}
:dims: A: n m, B: m n
:let: C = A B; D = C C
:where: A has full column rank
:spell: A = \\alpha
```

```{identity} C == A B
:let: B = A^T
```

```{identity} A == A
:dims: A: k k
:where: A symmetric
```

```{given}
:dims: B: n n
```

```{identity} A == B
```
""",
    )
    (warning, *_) = site.build("text")
    assert "dense.md:23: WARNING: identity: unknown name 'A'; the names are: B" in warning
    assert r"C = \alpha B" in site.page("dense.txt")


def test_a_shape_mismatch_is_told_with_its_sizes(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write(
        "dense.md",
        "# Dense\n\n```{refuted} u v^T == u^T v\n:dims: u: n; v: n\n:shapes:\n```\n\n"
        "```{refuted} f'(x) == 2 x\n:dims: x:\n```\n",
    )
    assert site.build("text") == []
    text = " ".join(site.page("dense.txt").split())
    assert "The shapes do not fit.** With n = 2, the left side is a 2 x 2 matrix, the right side a number." in text
    assert "Not equal.** f'(x) == 2 x is false for all numbers: the left side is" in text


def test_an_entry_that_differs_is_named(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write("dense.md", "# Dense\n\n```{refuted} A[i,j] == A[j,i]\n:dims: A: n n\n```\n")
    assert site.build("text") == []
    assert "at i = 1, j = 2 the left side is" in " ".join(site.page("dense.txt").split())


def test_a_counterexample_says_what_unknown_functions_are(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write("dense.md", "# Dense\n\n```{refuted} f(x + y) == f(x) + f(y)\n:dims: x:; y:\n```\n")
    assert site.build("text") == []
    assert "with x = 1, y = 1, f(z) = z^{2}, the left side is 4, the right side 2." in " ".join(
        site.page("dense.txt").split()
    )


def test_derivatives_with_more_than_two_axes_are_printed_entry_by_entry(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write(
        "dense.md",
        "# Dense\n\n```{layouts} A @ x\n:wrt: A\n:dims: A: m n; x: n\n```\n\n```{derivation} kron(A, X)\n:wrt: X\n"
        ":dims: A: m n; X: p q\n:notation: index, frobenius\n:collapsed:\n```\n",
    )
    assert site.build("text") == []
    text = " ".join(site.page("dense.txt").split())
    assert r"J_{mqp} = x_{q} \, \delta_{mp}" in text
    assert r"Y_{(mp)(nq)} &= A_{mn} \, X_{pq}" in text


def test_notations_with_different_stages_share_what_they_can(site):
    site.write("trace.rst", "Trace\n=====\n")
    site.write(
        "dense.md",
        "# Dense\n\n```{derivation} softmax(X @ w)\n:wrt: w\n:dims: X: n i; w: i\n:notation: index, frobenius\n```\n\n"
        "```{derivation} L(X @ W.T)\n:wrt: W\n:dims: X: n i; W: o i\n:notation: index, frobenius\n:spell: X = A\n```\n\n"
        "```{derivation} L(X @ W.T)\n:wrt: W\n:dims: X: n i; W: o i\n:notation: index\n```\n",
    )
    assert site.build("pseudoxml") == []
    page = site.page("dense.pseudoxml")
    grids = page.split('classes="hg-side-by-side"')[1:]
    assert [grid.partition('<raw format="html"')[0].count("<container") for grid in grids] == [4, 4]
    assert [grid.partition('<raw format="html"')[0].count("<math_block") for grid in grids] == [4, 3]
    assert r"Y_{no} &= \sum_{i} A_{ni}" in grids[1]
    assert r"\text{chain rule}" in grids[1].rpartition("hg-derivation")[2]
