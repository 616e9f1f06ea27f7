"""A reader who copies the cells that a page shows has all that they need: no name comes from a cell that is not shown."""

import ast
import builtins
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    path.relative_to(DOCS).as_posix() for path in sorted(DOCS.glob("**/*.md")) if "code-cell" in path.read_text("utf-8")
]
PAGES = [page for page in PAGES if not page.startswith(("_", "node_modules"))]


def shown_cells(page: str) -> list[str]:
    """The code of the cells that a reader sees, the folded ones among them."""
    cells = []
    for cell in CELL.findall(page):
        options = re.match(r"(?::.*\n)*", cell)
        assert options
        code = cell[options.end() :]
        if "remove-" not in options[0] and not code.startswith("%%"):
            cells.append(code)
    return cells


def missing(cells: list[str]) -> set[str]:
    """The names that are used and come from nowhere."""
    used, made = set(), set(dir(builtins))
    for part in (part for cell in cells for part in ast.walk(ast.parse(cell))):
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                made.add(name)
            case ast.ExceptHandler(name=str(name)):
                made.add(name)
            case ast.alias(name=name, asname=other):
                made.add(other or name.partition(".")[0])
    return used - made


@pytest.mark.parametrize("page", PAGES)
def test_no_name_comes_from_a_cell_that_is_not_shown(page: str) -> None:
    cells = shown_cells((DOCS / page).read_text("utf-8"))
    assert missing(cells) == set()


def test_a_name_from_a_removed_cell_is_missing() -> None:
    page = "```{code-cell} python\n:tags: [%s]\nx = 1\n```\n\n```{code-cell} python\nprint(x)\n```\n"
    assert missing(shown_cells(page % "hide-input")) == set()
    assert missing(shown_cells(page % "remove-input")) == {"x"}
