"""The package as a whole: its names, and what importing it costs."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import handgrad as hg


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
