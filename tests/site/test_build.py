"""How the site is built, on a book of two pages: what must fail it does, twice; what must repeat itself does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
description: A page with one of everything.
---
# A page

The derivative is $f'(x)$, numbered in {eq}`eq-number`.

$$
x = 1
$$ (eq-number)

```{code-cell} python
import handgrad

print("the version is", handgrad.__version__)
```

```{code-cell} python
from book import figure, show

fig = figure()
fig.subplots().plot([0, 1], [1, 0])
show(fig, alt="A line that falls from one to zero.")
```

```{code-cell} python
from IPython.display import Latex

Latex(r"$$\\frac{a}{b}$$")
```

## Exercise

```{solution-start}
```

It is folded.

```{code-cell} python
6 * 7
```

```{solution-end}
```
"""


class Book:
    """A copy of the book's machinery around a page of our own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.page = root / "docs" / "page.md"
        shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("conf.py", "_data", "_ext", "_static", "_templates", "requirements.txt"):
            source = ROOT / "docs" / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            (root / "docs").mkdir(exist_ok=True)
            copy(source, root / "docs" / name)
        (root / "docs" / "node_modules").symlink_to(ROOT / "docs" / "node_modules")
        (root / "docs" / "references.bib").write_text("", "utf-8")
        (root / "docs" / "index.md").write_text("# Contents\n\n```{toctree}\npage\n```\n", "utf-8")
        self.page.write_text(PAGE, "utf-8")

    def build(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "sphinx",
                "-W",
                "-n",
                "-q",
                "-d",
                "docs/_build/doctrees",
                "docs",
                "docs/_build/html",
            ],
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def html(self, name: str = "page") -> str:
        return (self.root / "docs" / "_build" / "html" / f"{name}.html").read_text("utf-8")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def differences(left: Path, right: Path) -> set[str]:
    one, two = (
        {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        for root in (left, right)
    )
    return {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}


def test_two_clean_builds_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    books = [Book(tmp_path / name) for name in ("one", "two")]
    for seed, book in enumerate(books):
        built = book.build(PYTHONHASHSEED=str(seed))
        assert built.returncode == 0, built.stderr
    one, two = (book.root / "docs" / "_build" / "html" for book in books)
    assert differences(one, two) == set()
    (two / "page.html").write_text("other", "utf-8")
    assert differences(one, two) == {"page.html"}


def test_a_page_has_what_it_says(book: Book) -> None:
    built = book.build()
    assert built.returncode == 0, built.stderr
    html = book.html()
    assert html.count("<math>") == 3
    assert '<span class="eqno">(1)' in html
    assert 'aria-label="A line that falls from one to zero."' in html
    assert '<details class="solution"><summary>Solution</summary>' in html
    folded = html.split('<details class="solution">')[1].split("</details>")[0]
    assert "It is folded." in folded
    assert ">42" in folded
    assert "/docs/" not in html


def test_a_change_of_the_package_runs_the_pages_again(book: Book) -> None:
    assert book.build().returncode == 0
    source = book.root / "src" / "handgrad" / "__init__.py"
    source.write_text(source.read_text("utf-8") + '\n__version__ = "99.0"\n', "utf-8")
    assert book.build().returncode == 0
    assert "the version is 99.0" in book.html()


BROKEN = [
    (r"Bad TeX: $\frac{a}$.", "Unexpected end of input"),
    (r"A macro nobody knows: $\nobody$.", "Undefined control sequence"),
    ("No such equation: {eq}`eq-nowhere`.", "equation not found: eq-nowhere"),
    ("No such page: [](nowhere.md).", "'myst' cross-reference target not found"),
    ("No such name: {func}`handgrad.nothing`.", "py:func reference target not found"),
    ("```{solution-end}\n```", "this {solution-end} has no"),
    ("```{solution-start}\n```", "this {solution-start} has no"),
]


def test_what_is_broken_fails_the_build_and_fails_it_again(book: Book) -> None:
    page, complaints = PAGE, []
    for text, complaint in BROKEN:
        complaints.append(f"page.md:{page.count(chr(10)) + 2}: WARNING: {complaint}")
        page += f"\n{text}\n"
    book.page.write_text(page, "utf-8")
    for _ in range(2):
        built = book.build()
        assert built.returncode != 0
        assert [complaint for complaint in complaints if complaint not in built.stderr] == []
    book.page.write_text(PAGE, "utf-8")
    assert book.build().returncode == 0


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [("raise ValueError('deliberate')", "deliberate"), ("show(fig, alt='fig.png')", "must be a sentence")],
)
def test_a_cell_that_raises_fails_the_build_and_fails_it_again(book: Book, cell: str, complaint: str) -> None:
    book.page.write_text(f"{PAGE}\n```{{code-cell}} python\n{cell}\n```\n", "utf-8")
    for _ in range(2):
        built = book.build()
        assert built.returncode != 0
        assert complaint in built.stderr


def test_the_style_sheet_keeps_what_pages_use_and_nothing_else(book: Book) -> None:
    assert book.build().returncode == 0
    static = book.root / "docs" / "_build" / "html" / "_static"
    css, theme = (static / "book.css").read_text("utf-8"), static / "styles" / "pydata-sphinx-theme.css"
    assert "details.solution" in css
    assert ".bd-sidebar-primary" in css
    assert ".carousel-item" in theme.read_text("utf-8")
    assert ".carousel-item" not in css
    assert len(css) < theme.stat().st_size / 2
    fonts = (static / "fonts" / "fonts.js").read_text("utf-8")
    assert '"KaTeX_Math"' in fonts
    assert '"KaTeX_Fraktur"' not in fonts
    assert len(fonts) < (static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.woff2").stat().st_size
