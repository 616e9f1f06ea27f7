"""Leave out the markup of code that colours nothing, and the blank lines around included code.

Pygments wraps every name, bracket and blank in a span of its own. In the book's styles these have the
colour of the text around them, and the spans would be a sixth of a page's bytes.
"""

import re
from typing import Any

from sphinx.application import Sphinx

COLOURLESS = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
BLANK_EDGES = re.compile(r"(<pre><span></span>)\n+|\n+(?=</pre>)")


def lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Unwrap the tokens that look like the text around them."""
    if "body" in context:
        context["body"] = BLANK_EDGES.sub(r"\1", COLOURLESS.sub(r"\1", context["body"]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
