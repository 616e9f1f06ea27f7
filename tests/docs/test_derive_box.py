"""What the box on "Derive your own" runs in a browser runs here too, without NumPy."""

import json
import re
import subprocess
import sys
import zipfile
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import derive_box

QUESTION = {"expression": "L(X @ W.T)", "wrt": "W", "dims": "X: n i, W: o i", "layout": "shape", "candidate": ""}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("box") / "handgrad.zip"
    derive_box.pack(path)
    return path


def ask(packed: Path, what: str, **changed: str) -> dict[str, Any]:
    """Ask in a Python that has the standard library and the packed engine, nothing else."""
    program = "\n".join(
        [
            f"import sys; sys.path.insert(0, {str(packed)!r}); sys.modules['numpy'] = None",
            (DOCS / "_static" / "derive" / "answer.py").read_text("utf-8"),
            f"print({what}({json.dumps(QUESTION | changed)!r}))",
        ]
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_answers_with_the_derivation(packed: Path) -> None:
    answer = ask(packed, "answer")
    assert (answer["gradient"], answer["shape"]) == ("dL/dW = G.T @ X", "(o, i)")
    assert r"\begin{aligned}" in answer["frobenius"]["wide"]
    assert r"\delta" in answer["index"]["wide"]
    assert "return G.T @ X" in answer["source"]


def test_a_reason_stands_beside_its_step_or_below_it(packed: Path) -> None:
    steps = ask(packed, "answer")["frobenius"]
    assert r" && \text{only $W$ varies}" in steps["wide"]
    assert r" && " not in steps["narrow"]
    assert r"{\footnotesize \text{only $W$ varies}" in steps["narrow"]


def test_the_layout_counts(packed: Path) -> None:
    assert ask(packed, "answer", layout="numerator")["gradient"] == "dL/dW = X.T @ G"


def test_says_why_there_is_no_code(packed: Path) -> None:
    assert ask(packed, "answer", expression="sum(a) / k", wrt="a", dims="a: k*l")["source"].startswith("# ")


def test_checks_every_line(packed: Path) -> None:
    assert ask(packed, "check") == {"lines": 13}


@pytest.mark.parametrize(("candidate", "ok"), [("G.T @ X", True), ("X.T @ G", False)])
def test_judges(packed: Path, candidate: str, ok: bool) -> None:
    assert ask(packed, "check", candidate=candidate)["ok"] is ok


FORM = (DOCS / "_templates" / "derive-box.html").read_text("utf-8")
EXAMPLES = [dict(parse_qsl(unescape(query))) for query in re.findall(r'href="\?([^"]*)"', FORM)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["expression"])
def test_the_examples_derive_and_check(packed: Path, example: dict[str, str]) -> None:
    assert ask(packed, "answer", **example)["gradient"].startswith("d")
    assert ask(packed, "check", **example)["lines"] > 10


@pytest.mark.parametrize("what", ["answer", "check"])
def test_an_error_is_an_answer(packed: Path, what: str) -> None:
    wrong = {"expression": "L(X @ W)"} if what == "answer" else {"candidate": "Q"}
    assert "^" in ask(packed, what, **wrong)["error"]


def test_packs_the_same_bytes_every_time(packed: Path, tmp_path: Path) -> None:
    derive_box.pack(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_packs_what_is_imported_and_no_more(packed: Path) -> None:
    names = zipfile.ZipFile(packed).namelist()
    assert "handgrad/derive/derivation.py" in names
    assert not [name for name in names if not name.startswith(("handgrad/derive/", "handgrad/__init__", "reasons.py"))]
