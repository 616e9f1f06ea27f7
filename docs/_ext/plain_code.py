"""Mark up code with few bytes, and without the blank lines around included code.

Pygments wraps every name, bracket and blank in a span of its own. In the book's styles these have the colour of
the text around them: they go. The others stand in the shortest element there is, which site.css makes no bolder.
"""

import re
from typing import Any

from sphinx.application import Sphinx

COLOURLESS = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
TOKEN = re.compile(r'<span class="(\w\w?)">([^<]*)</span>')
BLANK_EDGES = re.compile(r"(<pre><span></span>)\n+|\n+(?=</pre>)")


def lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Unwrap the tokens that look like the text around them, and shorten the others."""
    if "body" in context:
        body = BLANK_EDGES.sub(r"\1", COLOURLESS.sub(r"\1", context["body"]))
        context["body"] = TOKEN.sub(r"<b class=\1>\2</b>", body)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
