"""What the box on the page "Derive your own" needs beside the pages: Python for browsers, the engine, KaTeX.

The box's own scripts are in ``_static/derive``. Nothing of this is loaded before a reader asks for a derivation.
"""

import zipfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parent.parent
PACKAGE = DOCS.parent / "src" / "handgrad"
REASONS = Path(__file__).with_name("reasons.py")
FILES = {
    "pyodide": ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"],
    "katex/dist": ["katex.min.js", "katex.min.css"],
}


def engine() -> list[Path]:
    """The modules that derive; they need no NumPy."""
    return [PACKAGE / "__init__.py", *sorted((PACKAGE / "derive").rglob("*.py"))]


def pack(target: Path) -> None:
    """Write the engine, and where reasons stand, as a zip file from which Python can import, always the same bytes."""
    modules = {module.relative_to(PACKAGE.parent).as_posix(): module for module in engine()} | {REASONS.name: REASONS}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, module in modules.items():
            archive.writestr(zipfile.ZipInfo(name), module.read_bytes(), zipfile.ZIP_DEFLATED)


def copy_assets(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "derive"
    target.mkdir(parents=True, exist_ok=True)
    pack(target / "handgrad.zip")
    for folder, names in FILES.items():
        for name in names:
            (target / name).write_bytes((DOCS / "node_modules" / folder / name).read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", copy_assets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
