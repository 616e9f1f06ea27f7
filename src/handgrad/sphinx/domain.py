"""What a site claims: every claim with its page, kept between builds, and listed in one place."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, NamedTuple, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.domains import Domain
from sphinx.environment import BuildEnvironment
from sphinx.errors import NoUri
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.matching import Matcher
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)


class Kind(NamedTuple):
    """What a claim of some kind is called in the list, its mark, and what the mark means."""

    word: str
    mark: str
    meaning: str


KINDS = {
    "identity": Kind("holds", "\N{CHECK MARK}", "Checked for random arrays"),
    "refuted": Kind("refuted", "\N{BALLOT X}", "Refuted"),
    "derivation": Kind("derived", "\N{CHECK MARK}", "Every line checked for random arrays"),
    "layouts": Kind("layouts", "\N{CHECK MARK}", "Every layout checked for random arrays"),
}


class Entry(NamedTuple):
    """A claim in the list.

    Attributes
    ----------
    target : str
        Where it stands on its page.
    kind : str
        One of `KINDS`.
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
    initial_data: ClassVar[dict[str, Any]] = {
        "entries": {},  # page -> claims in the order of the page
        "lists": {},  # page with a list -> the pages whose claims it lists, as patterns; none for the totals
    }
    data_version = 2

    @classmethod
    def of(cls, env: BuildEnvironment) -> "ClaimDomain":
        """The claims of the site that is being built."""
        return cast("ClaimDomain", env.domains[cls.name])

    @property
    def entries(self) -> dict[str, list[Entry]]:
        """The claims of each page."""
        found: dict[str, list[Entry]] = self.data["entries"]
        return found

    @property
    def lists(self) -> dict[str, list[str]]:
        """The pages that list claims, and whose."""
        found: dict[str, list[str]] = self.data["lists"]
        return found

    def clear_doc(self, docname: str) -> None:
        """Forget a page that is read again."""
        self.entries.pop(docname, None)
        self.lists.pop(docname, None)

    def merge_domaindata(self, docnames: AbstractSet[str], otherdata: dict[str, Any]) -> None:
        """Take over what another process has read."""
        for kind, data in self.data.items():
            if kind != "version":
                data.update({docname: otherdata[kind][docname] for docname in docnames & otherdata[kind].keys()})

    def resolve_any_xref(self, *_: Any) -> list[tuple[str, nodes.reference]]:
        """Find nothing, which MyST wants said: claims are referred to by their equation labels."""
        return []


class claims_list(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes in lower case
    """Where a list of claims, or the table of totals, will stand."""


class ClaimsIndex(SphinxDirective):
    """``{claims-index}``: all claims of the site, or those of some pages, or how many each page has."""

    option_spec: ClassVar[Any] = {"of": directives.unchanged_required, "totals": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Leave a mark; the list is made when all pages have been read."""
        patterns = [] if "totals" in self.options else self.options.get("of", "**").replace(",", " ").split()
        ClaimDomain.of(self.env).lists.setdefault(self.env.docname, []).extend(patterns)
        mark = claims_list(patterns=patterns, docname=self.env.docname)
        self.set_source_info(mark)
        return [mark]


def list_claims(app: Sphinx, doctree: nodes.document, _: str) -> None:
    """Put the list where the mark is; on paper the page of the mark is only a part of the document."""
    for mark in list(doctree.findall(claims_list)):
        make = _lists if mark["patterns"] else _totals
        mark.replace_self(list(make(app, mark)))


def pages_with_a_list(
    _: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Make a list anew in every build in which a page of it changes; the totals, whichever page changes."""
    touched = added | changed | removed
    lists = ClaimDomain.of(env).lists.items()
    return [
        docname for docname, patterns in lists if touched and (not patterns or any(map(Matcher(patterns), touched)))
    ]


def _summary(entries: dict[str, list[Entry]]) -> nodes.Node:
    claims = [entry for page in entries.values() for entry in page]
    counts = Counter(entry.kind for entry in claims)
    words = {kind: named.word for kind, named in KINDS.items()} | (
        {"identity": "hold"} if counts["identity"] > 1 else {}
    )
    shown = ", ".join(f"{counts[kind]} {words[kind]}" for kind in KINDS if counts[kind])
    text = f"{len(claims)} claims ({shown or 'none'}), {sum(entry.equations for entry in claims)} equations."
    return nodes.paragraph("", text, classes=["hg-total"])


def _lists(app: Sphinx, mark: claims_list) -> Iterator[nodes.Node]:
    """The claims of the pages that match, page by page."""
    everything = ClaimDomain.of(app.env).entries
    for pattern in mark["patterns"]:
        if everything and not any(map(Matcher([pattern]), everything)):
            logger.warning("claims-index: no page with claims matches %r", pattern, location=mark, type="handgrad")
    matches = Matcher(mark["patterns"])
    entries = {docname: everything[docname] for docname in _in_order(app.env, everything) if matches(docname)}
    yield _summary(entries)
    for docname, claims in entries.items():
        title = _link(app, mark["docname"], docname, "", app.env.titles[docname].astext())
        section = nodes.section("", nodes.title("", "", title), ids=[_place(docname)], classes=["hg-claims-of"])
        section += nodes.enumerated_list(
            "", *[_item(app, mark["docname"], docname, claim) for claim in claims], classes=["hg-claims"]
        )
        yield section


def _in_order(env: BuildEnvironment, docnames: Iterable[str]) -> list[str]:
    """Pages in the order of the tables of contents, then those that are in none."""
    order = list(env.collect_relations())
    return sorted(docnames, key=lambda name: (order.index(name) if name in order else len(order), name))


def _place(docname: str) -> str:
    """The name of a page's section in a list."""
    return nodes.make_id(f"claims-of-{docname}")


def _link(app: Sphinx, here: str, docname: str, target: str, text: str) -> nodes.Node:
    """A reference, or only its text if a book on paper leaves the page out."""
    try:
        uri = app.builder.get_relative_uri(here, docname)
    except NoUri:
        return nodes.Text(text)
    if target and uri.startswith("#"):  # all pages are one, and its ids are those of the claims
        here = docname
    return make_refnode(app.builder, here, docname, target, nodes.Text(text))


def _item(app: Sphinx, here: str, docname: str, claim: Entry) -> nodes.list_item:
    """The formula, and below it a link to its place and what was drawn."""
    link = _link(app, here, docname, claim.target, KINDS[claim.kind].word)
    check = nodes.Text(f": {claim.check}" if claim.check else "")
    formula = nodes.math_block(claim.latex, claim.latex, number=None, label=None, nowrap=False)
    return nodes.list_item("", formula, nodes.paragraph("", "", link, check))


def _totals(app: Sphinx, mark: claims_list) -> Iterator[nodes.Node]:
    """How many claims of each kind each page has; a page's name leads to its list."""
    domain = ClaimDomain.of(app.env)
    lists = {name: Matcher(patterns) for name, patterns in domain.lists.items() if patterns}
    yield _summary(domain.entries)
    counts = {docname: Counter(claim.kind for claim in claims) for docname, claims in domain.entries.items()}
    kinds = [kind for kind in KINDS if any(count[kind] for count in counts.values())]
    rows = []
    for docname in _in_order(app.env, domain.entries):
        listed = next((name for name, matches in lists.items() if matches(docname)), "")
        if lists and not listed:
            logger.warning("claims-index: no list has the claims of %r", docname, location=mark, type="handgrad")
        title = app.env.titles[docname].astext()
        link = _link(app, mark["docname"], listed or docname, _place(docname) if listed else "", title)
        equations = sum(claim.equations for claim in domain.entries[docname])
        numbers = [*(counts[docname][kind] for kind in kinds), equations]
        rows.append([link, *[nodes.Text(str(number)) for number in numbers]])
    heads = ["Page", *(KINDS[kind].word for kind in kinds), "equations"]
    yield table(heads, rows, (40, *[15] * (len(kinds) + 1)), classes=["hg-totals"])


def table(
    heads: Sequence[str], rows: Iterable[Sequence[nodes.Node]], widths: Sequence[int], **attributes: Any
) -> nodes.table:
    """A table of a line of text in each cell."""
    columns = [nodes.colspec(colwidth=width) for width in widths]
    head, *body = (
        nodes.row("", *[nodes.entry("", nodes.paragraph("", "", cell)) for cell in row])
        for row in ([nodes.Text(text) for text in heads], *rows)
    )
    group = nodes.tgroup("", *columns, nodes.thead("", head), nodes.tbody("", *body), cols=len(columns))
    return nodes.table("", group, **attributes)
