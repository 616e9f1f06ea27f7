"""How the site is built.  `nox -s docs` runs this; docs/_ext holds the few extensions of our own."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from nbclient import NotebookClient
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "_ext"))

import handgrad

project = "Gradients by Hand"
author = "The Gradients by Hand developers"
copyright = "the Gradients by Hand developers"  # noqa: A001 - Sphinx's own name for it
version = release = handgrad.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "handgrad.sphinx",
    # our own, in docs/_ext
    "katex_math",
    "plain_code",
    "punctuation",
    "solution",
    "theme_repairs",
    "slim",
    "identities",
    "derive_box",
    "terms",
]
exclude_patterns = ["_build", "_ext", "node_modules"]
templates_path = ["_templates"]
nitpicky = True

# -- The pages ----------------------------------------------------------------------------------

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True
terms_unlinked = {"identity"}  # a checked equation in the glossary, mostly the matrix on the pages
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"

# -- Running the cells --------------------------------------------------------------------------


def fingerprint(*folders_and_files: Path) -> str:
    """Hash everything a cell's output depends on beside the cell itself."""
    files = [
        file
        for path in folders_and_files
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT)} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


# MyST-NB's cache knows a page's cells, not the code they call; a new path is a new cache.
CACHE = DOCS / "_build" / "cells" / fingerprint(ROOT / "src", DOCS / "requirements.txt", DOCS / "_data", DOCS / "_ext")
nb_execution_mode = "cache"
nb_execution_cache_path = str(CACHE)
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}  # would be fetched from other hosts
# A kernel has nothing to save; asked to stop, one in ten does so only seconds later.
NotebookClient.shutdown_kernel.default_value = "immediate"

# The kernels inherit this environment: this checkout and the pages' own helpers, one thread (so that sums are
# added in the same order everywhere), and a profile that is not the reader's own.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(DOCS / "_ext")])
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ["IPYTHONDIR"] = str(DOCS / "_build" / "ipython")
PROFILE = DOCS / "_build" / "ipython" / "profile_default" / "ipython_kernel_config.py"
PROFILE.parent.mkdir(parents=True, exist_ok=True)
PROFILE.write_text(
    """\
c.InteractiveShell.xmode = "Minimal"
c.HistoryManager.enabled = False
c.IPKernelApp.log_level = "ERROR"
# A stream that is flushed by the clock may break a printed line in two.
c.InteractiveShellApp.exec_lines = ["import sys; sys.stdout.flush_interval = sys.stderr.flush_interval = 3600"]
""",
    "utf-8",
)

# -- Mathematics --------------------------------------------------------------------------------

html_math_renderer = "katex"
katex_macros = {
    r"\T": r"^{\mathsf{T}}",
    r"\R": r"\mathbb{R}",
    r"\pd": r"\frac{\partial #1}{\partial #2}",
    r"\tr": r"\operatorname{tr}",
    r"\vec": r"\operatorname{vec}",
    r"\diag": r"\operatorname{diag}",
    r"\softmax": r"\operatorname{softmax}",
}

# -- The book on paper: sphinx-build -b latex docs docs/_build/latex, then latexmk -pdf there ----

SIGNS = {
    "∂": r"\ensuremath{\partial}",
    "ᵀ": r"\ensuremath{^{\mathsf{T}}}",
    "≠": r"\ensuremath{\neq}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{GREEK SMALL LETTER SIGMA}": r"\ensuremath{\sigma}",
    "█": r"\rule{0.5em}{1.5ex}",
}


def define(name: str, meaning: str) -> str:
    r"""Define a macro of the formulas; LaTeX has another ``\vec``."""
    arguments = "".join(f"#{number}" for number in (1, 2) if f"#{number}" in meaning)
    return rf"\def{name}{arguments}{{{meaning}}}"


latex_elements = {
    "preamble": "\n".join(
        [define(name, meaning) for name, meaning in katex_macros.items()]
        + [rf"\DeclareUnicodeCharacter{{{ord(sign):04X}}}{{{text}}}" for sign, text in SIGNS.items()]
    )
}

# -- The reference ------------------------------------------------------------------------------

default_role = "autolink"  # in docstrings: a link where there is something to link to
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# -- The site -----------------------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_title = "Gradients by Hand"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = [("site.css", {"priority": 900})]  # after all others
html_js_files = [("site.js", {"defer": "defer"}), ("copy.js", {"defer": "defer"})]
html_search_scorer = str(DOCS / "_ext" / "search_scorer.js")
html_show_search_summary = False  # it would fetch every hit, which a browser refuses on file://
html_copy_source = True
html_show_sourcelink = False
html_sidebars = {"**": ["sidebar-head.html", "pages.html"]}
html_theme_options = {
    "navbar_persistent": [],  # otherwise a second header with a second search, and a dead sidebar toggle
    "article_header_end": ["header-buttons.html"],
    "footer_content_items": ["footer.html"],
    "show_toc_level": 2,
    "back_to_top_button": False,
    "use_download_button": False,
    "use_fullscreen_button": False,
}


def prepare_cache(app: Sphinx) -> None:
    """Create the cache before reading in parallel: two workers creating it at once crash."""
    get_cache(CACHE).list_cache_records()


def forget_failed_build(app: Sphinx, error: Exception | None) -> None:
    """Read every page again after a warning: a page that is not read again would not warn again."""
    if app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", prepare_cache)
    app.connect("build-finished", forget_failed_build, priority=1000)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
