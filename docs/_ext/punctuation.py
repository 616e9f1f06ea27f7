"""Keep a short formula in one piece: with the full stop, comma or check mark after it, and in a table's narrow columns.

Browsers break a line between a formula and what follows, even before a comma.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

LONGEST = 16  # a longer formula must be free to break, on a phone
PUNCTUATION = re.compile(r"[.,;:?!)\u201d\u2019'-]+")


class KeepPunctuation(SphinxPostTransform):
    """Put each short formula, its mark and the punctuation after it in one unbreakable span."""

    default_priority = 700
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for math in list(self.document.findall(nodes.math)):
            if len(re.sub(r"\\[a-zA-Z]+|[\\{}^_\s]", "", math.astext())) > LONGEST:
                continue
            checked = "hg-claim" in math.parent.get("classes", [])
            node = math.parent if checked else math
            after = node.next_node(nodes.Text, descend=False, siblings=True)
            text = after.astext() if after and node.parent.index(after) == node.parent.index(node) + 1 else ""
            end = PUNCTUATION.match(text)
            if checked or end or _in_written_table(math):
                span = nodes.inline("", "", classes=["keep-together"])
                node.parent.replace(node, span)
                span += node
            if end:
                span += nodes.Text(end[0])
                after.parent.replace(after, nodes.Text(text[end.end() :]))


def _in_written_table(node: nodes.Node) -> bool:
    """Tables that a cell prints are long and wide: they need every break."""
    around = []
    while node := node.parent:
        around.append(node)
    printed = any("cell_output" in each.get("classes", []) for each in around if isinstance(each, nodes.Element))
    return not printed and any(isinstance(each, nodes.entry) for each in around)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(KeepPunctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
