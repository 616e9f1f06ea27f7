"""Run the PyTorch cells, and compare what they print and compute with the record; with --write, renew the record.

The cells stand in cells.py, each below a line ``# %% name: arrays to record``. The page shows them from there,
and compares the record, outputs.json, with handgrad's numbers.
"""

import hashlib
import json
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
CELLS = HERE / "cells.py"
RECORD = HERE / "outputs.json"


def run() -> dict[str, Any]:
    """Return what each cell prints, and the arrays it names."""
    namespace: dict[str, Any] = {}
    cells = {}
    parts = re.split(r"^# %% ([\w-]+)(?:: (.*))?\n", CELLS.read_text("utf-8"), flags=re.MULTILINE)
    for name, arrays, code in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(code, CELLS.name, "exec"), namespace)  # noqa: S102 - the cells are this project's own file
        values = {array: namespace[array].detach().tolist() for array in (arrays or "").split()}
        cells[name] = {"printed": printed.getvalue(), "arrays": values}
    return {
        "torch": torch.__version__.partition("+")[0],
        "source": hashlib.sha256(CELLS.read_bytes()).hexdigest(),
        "cells": cells,
    }


def differences(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """Return the names of what differs by more than rounding."""
    if new["source"] != old["source"]:
        return ["cells.py itself has changed since"]
    found = []
    for name, cell in new["cells"].items():
        before = old["cells"][name]
        if cell["printed"] != before["printed"]:
            found.append(f"{name} prints {cell['printed']!r}; recorded was {before['printed']!r}")
        found += [
            f"{name} computes another {array}"
            for array, value in cell["arrays"].items()
            if not np.allclose(value, before["arrays"][array], rtol=1e-12, atol=1e-13)
        ]
    return found


if __name__ == "__main__":
    outputs = run()
    if sys.argv[1:] == ["--write"]:
        RECORD.write_text(json.dumps(outputs, indent=1) + "\n", "utf-8")
    elif found := differences(outputs, json.loads(RECORD.read_text("utf-8"))):
        sys.exit(
            f"The record of PyTorch's outputs, {RECORD.name}, is not what PyTorch {torch.__version__} gives:\n"
            + "\n".join(found)
        )
    print(f"{len(outputs['cells'])} cells run with PyTorch {outputs['torch']}")  # noqa: T201 - a script
