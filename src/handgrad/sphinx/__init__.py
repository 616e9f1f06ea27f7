"""A Sphinx extension: equations that are checked when the site is built.

Put ``"handgrad.sphinx"`` into ``extensions``. A page then states ``{identity}``, ``{refuted}``,
``{derivation}`` or ``{layouts}``, or ``{claim}`` within a line; what is false is a warning with its
page and line.
"""

from pathlib import Path
from shutil import copyfile
from typing import Any

from sphinx.application import Sphinx

from handgrad import __version__

from .derivation import DerivationDirective, Layouts
from .directives import ClaimRole, Given, Identity, Refuted
from .domain import ClaimDomain, ClaimsIndex, list_claims, pages_with_a_list

STYLE = "handgrad.css"


def copy_style(app: Sphinx) -> None:
    """Put the style sheet beside the pages, before they are written: their links to it have its checksum."""
    if app.builder.format == "html":
        folder = Path(app.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        copyfile(Path(__file__).with_name(STYLE), folder / STYLE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_domain(ClaimDomain)
    app.add_directive("given", Given)
    app.add_directive("identity", Identity)
    app.add_directive("refuted", Refuted)
    app.add_directive("derivation", DerivationDirective)
    app.add_directive("layouts", Layouts)
    app.add_directive("claims-index", ClaimsIndex)
    app.add_role("claim", ClaimRole())
    app.add_css_file(STYLE)
    app.connect("doctree-resolved", list_claims)
    app.connect("env-get-outdated", pages_with_a_list)
    app.connect("builder-inited", copy_style)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
