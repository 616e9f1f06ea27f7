"""Typeset the mathematics when the site is built, with KaTeX, so that no reader's browser has to.

KaTeX is JavaScript; QuickJS (the wheel ``quickjs-ng``) runs it inside the build, so no Node is needed
here.  Each formula becomes HTML for the eye and MathML for screen readers.  A formula KaTeX cannot
read is a Sphinx warning that names the page and the line, and so fails a build with ``-W``.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import quickjs
from docutils import nodes
from light_math import LightMath
from reasons import below
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

KATEX = Path(__file__).parent.parent / "node_modules" / "katex" / "dist"

# A bare string returned from a deep JavaScript concatenation is a type quickjs cannot hand over; JSON is a flat one.
TYPESET = """
var window = globalThis, self = globalThis;
%s
function typeset(tex, displayMode, macros) {
  try {
    return JSON.stringify({html: katex.renderToString(tex, {
      displayMode, macros: JSON.parse(macros), throwOnError: true, strict: "error", output: "htmlAndMathml"})});
  } catch (error) {
    return JSON.stringify({error: error.message});
  }
}
typeset
"""


class TexError(ValueError):
    """KaTeX refused a formula."""


@cache
def _katex() -> Any:
    return quickjs.Context().eval(TYPESET % (KATEX / "katex.min.js").read_text("utf-8"))


@cache
def light() -> LightMath:
    """Return what makes the formulas of this KaTeX light."""
    return LightMath((KATEX / "katex.min.css").read_text("utf-8"))


def from_katex(tex: str, *, display: bool, macros: dict[str, str]) -> str:
    """Return one formula as KaTeX writes it; raise `TexError` with KaTeX's reason."""
    answer = json.loads(_katex()(tex, display, json.dumps(macros)))
    if "error" in answer:
        raise TexError(f"{answer['error'].removeprefix('KaTeX parse error: ')} in the formula {tex.strip()!r}")
    return str(answer["html"])


def typeset(tex: str, *, display: bool, macros: dict[str, str]) -> str:
    """Return the HTML, MathML included, of one formula; raise `TexError` with KaTeX's reason."""
    return light().lighten(from_katex(tex, display=display, macros=macros))


def _html(translator: Any, node: nodes.Element, tex: str, *, display: bool) -> str:
    try:
        return typeset(tex, display=display, macros=translator.config.katex_macros)
    except TexError as error:
        logger.warning("%s", error, location=node, type="katex")
        return f"<code>{translator.encode(tex)}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    html = _html(translator, node, node.astext(), display=False)
    translator.body.append(html.replace("<span class=katex>", '<span class="math katex">', 1))
    raise nodes.SkipNode


END = "</span></span>"  # of the formula, and of its line


def visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    tex = node.astext()
    html = _html(translator, node, tex, display=True)
    if (narrow_tex := below(tex)) != tex:
        # Drawn twice, and the style sheet shows one; said once.
        narrow = _html(translator, node, narrow_tex, display=True)
        html = html.removesuffix(END) + narrow.partition("</math>")[2]
    translator.body.append(f"{html}</div>\n")
    raise nodes.SkipNode


def copy_assets(app: Sphinx, error: Exception | None) -> None:
    """Put KaTeX's style sheet and its woff2 fonts, and only those, beside the pages."""
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    css = re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", light().css)
    (target / "katex.min.css").write_text(css, "utf-8")
    for font in sorted((KATEX / "fonts").glob("*.woff2")):
        (target / "fonts" / font.name).write_bytes(font.read_bytes())


def check_installed(app: Sphinx) -> None:
    if not (KATEX / "katex.min.js").is_file():
        raise FileNotFoundError("KaTeX is missing: run `npm ci` in docs/ (`nox -s docs` does it for you)")
    if app.builder.format == "html":
        app.add_css_file("katex/katex.min.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("katex_macros", {}, "html", dict)
    app.add_html_math_renderer("katex", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    app.connect("builder-inited", check_installed)
    app.connect("build-finished", copy_assets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
