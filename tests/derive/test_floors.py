"""The packages of `handgrad.derive` stand on one another: each imports from those below it only."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

from handgrad.derive import derivation

HOUSE = Path(derivation.__file__).parent
FLOORS = ["language", "engine", "spelling", "notation", "checking"]
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def rises(floor: str, source: str) -> list[str]:
    """What the source of a module on a floor imports from higher up."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.level < 2 else ["handgrad.derive"]
        for name in names:
            head, _, rest = name.partition("handgrad.derive.")
            if name == "handgrad.derive" or (not head and rest and rest.split(".")[0] not in allowed(floor)):
                found.append(name)
    return found


def allowed(floor: str) -> list[str]:
    return FLOORS[: FLOORS.index(floor) + 1]


def code_lines(path: Path) -> int:
    """The lines of a module that hold code: no comments, no docstrings, no empty ones."""
    source = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(lines)


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_go_down(floor):
    modules = sorted((HOUSE / floor).glob("*.py"))
    assert len(modules) > 4
    for module in modules:
        assert not rises(floor, module.read_text(encoding="utf-8")), module.name


@pytest.mark.parametrize("line", [
    "from handgrad.derive.notation.index import index_steps", "import handgrad.derive.spelling.spell",
    "from handgrad.derive import derive", "from .. import derivation", "def f():\n    from handgrad.derive.checking import read",
])  # fmt: skip
def test_an_import_from_above_is_found(line):
    assert rises("engine", line)


def test_nothing_lives_outside():
    assert {path.name for path in HOUSE.glob("*.py")} == {"__init__.py", "derivation.py", "candidate.py"}
    assert {path.parent.name for path in HOUSE.glob("*/*.py")} == {*FLOORS}


def test_the_engine_is_about_a_thousand_lines(tmp_path):
    """What derives can be read in an afternoon; the languages around it are larger, and each file is one concept."""
    engine = {path.name: code_lines(path) for path in (HOUSE / "engine").glob("*.py")}
    assert 500 < sum(engine.values()) <= 1000, engine
    assert max(map(code_lines, HOUSE.rglob("*.py"))) < 450
    (tmp_path / "two.py").write_text('"""Docs.\n\nMore."""\n\nx = [\n    1,\n]  # code\n# none\ny = """a\nb"""\n')
    assert code_lines(tmp_path / "two.py") == 5
