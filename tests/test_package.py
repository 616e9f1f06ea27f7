"""The package as a whole: its names, and what importing it costs."""

import re
import subprocess
import sys
import tomllib
from ast import literal_eval
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import handgrad as hg
from handgrad import activations
from handgrad.derive.language import calls, functions, numpy_text


def test_every_public_name_is_there_and_documented():
    for name in hg.__all__:
        assert getattr(hg, name).__doc__, name
    names = dir(hg)
    assert len(names) == len(set(names))
    assert {name for name in names if not name.startswith("__")} == set(hg.__all__)
    assert {"__version__", "__doc__"} <= set(names)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'handgrad' has no attribute 'lineal'"):
        _ = hg.lineal


def test_the_version_is_that_of_the_distribution():
    assert hg.__version__ == version("handgrad")


def loaded_after(statement):
    """Return the modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_deriving_needs_no_numpy():
    derived = "import handgrad as hg; hg.derive('L(X @ W.T)', 'W', 'X: n i, W: o i').gradient"
    assert "numpy" not in loaded_after("import handgrad, handgrad.derive")
    assert "numpy" not in loaded_after(derived)
    assert "numpy" in loaded_after("import handgrad; handgrad.linear")


def test_numpy_is_all_that_using_the_package_loads():
    first_party = "handgrad"
    before = loaded_after("import numpy, inspect, numpy.random")
    after = loaded_after("import handgrad as hg; [getattr(hg, name) for name in hg.__all__]")
    extra = {module.partition(".")[0] for module in after - before} - {first_party}
    assert extra <= sys.stdlib_module_names | {"numpy"}, extra


def test_the_operation_that_contributors_are_shown():
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = text.partition("## An operation\n")[2].partition("```python\n")[2].partition("```")[0]
    names = dict(vars(activations))
    exec(shown, names)  # noqa: S102 - a text of this repository
    square, Z = names["square"], np.random.default_rng(0).normal(size=(3, 4))
    hg.check_pullback(square, Z).assert_ok()
    assert hg.check_pullback(lambda Z: (square(Z)[0], lambda dA: dA * Z), Z).factor == pytest.approx(0.5)


def test_the_rows_that_contributors_are_shown(monkeypatch):
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.partition("## An elementwise function, a primitive\n")[2]
    shown = [dedent(block) for block in re.findall(r"(?:^ {4}.+\n)+", text, re.MULTILINE)]
    arcsinh, vecdot, softmin_definition, softmin = shown
    names = dict(vars(functions))
    exec(softmin_definition, names)  # noqa: S102 - a text of this repository
    for table, row in ((functions.ELEMENTWISE, arcsinh), (functions.ARRAY, softmin)):
        for name, function in eval(f"{{{row}}}", names).items():  # noqa: S307
            monkeypatch.setitem(table, name, function)
    for table, row in zip((calls.ROWS, numpy_text.FULL), vecdot.splitlines(), strict=True):
        for name, value in literal_eval(f"{{{row}}}").items():
            monkeypatch.setitem(table, name, value)
    for expression in ("L(arcsinh(Z))", "L(softmin(Z))", "L(vecdot(Z, Z))"):
        hg.derive(expression, "Z", "Z: n k").check()


def test_the_source_archive_has_what_its_tests_and_its_readme_refer_to():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    included = project["hatch"]["build"]["targets"]["sdist"]["include"]
    linked = re.findall(r"\]\((\w[^):]*)\)", (root / "README.md").read_text(encoding="utf-8"))
    needed = {"conftest.py", *project["pytest"]["testpaths"], *linked}
    assert {"docs/_static/weight-gradient.svg", "CONTRIBUTING.md", "LICENSE"} <= needed
    assert [name for name in sorted(needed) if f"/{name.partition('/')[0]}" not in included] == []


def test_names_are_registered_in_all_three_places():
    """In `_HOME` and `__all__`, and for type checkers, which read the imports only."""
    source = Path(hg.__file__).read_text(encoding="utf-8")
    checked = source.partition("if TYPE_CHECKING:")[2].partition("__version__")[0]
    imported = {name.strip(" ,()") for name in checked.replace(",", "\n").replace("import", "\n").split("\n")}
    assert set(hg._HOME) <= imported
    assert set(hg._HOME) <= set(hg.__all__)
    assert "no_such_operation" not in imported
