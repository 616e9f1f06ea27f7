"""What a site claims: every claim with its page, kept between builds, and listed in one place."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, NamedTuple, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains import Domain
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

KINDS = {"identity": "holds", "refuted": "refuted", "derivation": "derived", "layouts": "layouts"}


class Entry(NamedTuple):
    """A claim in the list.

    Attributes
    ----------
    target : str
        Where it stands on its page.
    kind : str
        ``"identity"``, ``"refuted"``, ``"derivation"`` or ``"layouts"``.
    latex : str
        What it says.
    check : str
        What was checked, in words.
    equations : int
        The number of equations in it.
    """

    target: str
    kind: str
    latex: str
    check: str
    equations: int


class ClaimDomain(Domain):
    """The claims of a site."""

    name = "claims"
    label = "Checked equations"
    initial_data: ClassVar[dict[str, Any]] = {"entries": {}}  # page -> claims in the order of the page
    data_version = 1

    @classmethod
    def of(cls, env: BuildEnvironment) -> "ClaimDomain":
        """The claims of the site that is being built."""
        return cast("ClaimDomain", env.domains[cls.name])

    @property
    def entries(self) -> dict[str, list[Entry]]:
        """The claims of each page."""
        found: dict[str, list[Entry]] = self.data["entries"]
        return found

    def note(self, docname: str, entry: Entry) -> None:
        """Remember a claim."""
        self.entries.setdefault(docname, []).append(entry)

    def clear_doc(self, docname: str) -> None:
        """Forget a page that is read again."""
        self.entries.pop(docname, None)

    def merge_domaindata(self, docnames: AbstractSet[str], otherdata: dict[str, Any]) -> None:
        """Take over what another process has read."""
        for docname in docnames:
            if docname in otherdata["entries"]:
                self.entries[docname] = otherdata["entries"][docname]

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Nothing that a reference could name: claims are referred to by their equation labels."""
        return iter(())

    def resolve_any_xref(self, *_: Any) -> list[tuple[str, nodes.reference]]:
        """Find nothing: claims are referred to by their equation labels."""
        return []


class claims_list(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """Where the list of all claims will stand."""


class ClaimsIndex(SphinxDirective):
    """``{claims-index}``: a table of all claims of the site, page by page, with the total."""

    def run(self) -> list[nodes.Node]:
        """Leave a mark; the list is made when all pages have been read."""
        self.env.metadata[self.env.docname]["claims_index"] = "yes"
        return [claims_list()]


def list_claims(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the list where the mark is."""
    for mark in list(doctree.findall(claims_list)):
        entries = ClaimDomain.of(app.env).entries
        mark.replace_self(_summary(entries) + list(_pages(app, docname, entries)))


def pages_with_a_list(
    _: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Make the list anew in every build in which another page changes."""
    if not added | changed | removed:
        return []
    return [docname for docname in env.found_docs if env.metadata.get(docname, {}).get("claims_index")]


def _summary(entries: dict[str, list[Entry]]) -> list[nodes.Node]:
    claims = [entry for page in entries.values() for entry in page]
    kinds = {kind: sum(entry.kind == kind for entry in claims) for kind in KINDS}
    shown = ", ".join(f"{number} {KINDS[kind]}" for kind, number in kinds.items() if number)
    text = f"{len(claims)} claims ({shown or 'none'}), {sum(entry.equations for entry in claims)} equations."
    return [nodes.paragraph("", text, classes=["hg-total"])]


def _pages(app: Sphinx, here: str, entries: dict[str, list[Entry]]) -> Iterator[nodes.Node]:
    for docname in sorted(entries):
        title = nodes.Text(app.env.titles[docname].astext())
        yield nodes.rubric("", "", make_refnode(app.builder, here, docname, "", title))
        yield nodes.enumerated_list(
            "", *[_item(app, here, docname, claim) for claim in entries[docname]], classes=["hg-claims"]
        )


def _item(app: Sphinx, here: str, docname: str, claim: Entry) -> nodes.list_item:
    """The formula, and below it a link to its place and what was drawn."""
    link = make_refnode(app.builder, here, docname, claim.target, nodes.Text(KINDS[claim.kind]))
    check = nodes.Text(f": {claim.check}" if claim.check else "")
    formula = nodes.math_block(claim.latex, claim.latex, number=None, label=None, nowrap=False)
    return nodes.list_item("", formula, nodes.paragraph("", "", link, check))
