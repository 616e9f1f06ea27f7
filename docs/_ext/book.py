"""What the pages' cells draw with: `figure` makes a figure in the book's style, `show` puts it on the page.

A shown figure is one inline SVG whose inks are CSS variables, so the same drawing is dark on light and
light on dark and follows the reader's choice at once.  Nothing in it depends on the day, the machine
or the build: two builds give the same bytes.

    from book import INK, BLUE, ORANGE, figure, show

    fig = figure(5, 3)
    ax = fig.subplots()
    ax.plot(x, y, color=BLUE)
    show(fig, alt="The error falls with the step until rounding takes over.")
"""

import hashlib
import html
import re
from io import StringIO

import matplotlib
from IPython.display import display
from matplotlib.figure import Figure

# Each ink is a colour no drawing would use by chance; `show` writes the CSS variable in its place.
INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#fefefe"
BLUE, ORANGE, GREEN, RED, PURPLE = "#040404", "#050505", "#060606", "#070707", "#080808"
VARIABLES = {
    INK: "--fig-ink",
    MUTED: "--fig-muted",
    GRID: "--fig-grid",
    PAPER: "--fig-paper",
    BLUE: "--fig-blue",
    ORANGE: "--fig-orange",
    GREEN: "--fig-green",
    RED: "--fig-red",
    PURPLE: "--fig-purple",
}

STYLE = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",  # the page's own background shows through, light or dark
    "axes.labelcolor": INK,
    "axes.prop_cycle": matplotlib.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": GRID,
    "legend.frameon": False,
    "patch.edgecolor": INK,
    "svg.fonttype": "none",  # text stays text: a few bytes, and the reader can select and search it
    "svg.hashsalt": "gradients-by-hand",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


def figure(width: float = 5.5, height: float = 3.2) -> Figure:
    """Return an empty figure of ``width`` by ``height`` inches in the book's style.

    It is a plain `matplotlib.figure.Figure`.  Never use pyplot on a page: a pyplot figure made in a
    helper silences every later one of the page.
    """
    matplotlib.rcParams.update(STYLE)
    return Figure(figsize=(width, height))


def show(picture: Figure | str, *, alt: str, caption: str = "") -> None:
    """Put a figure, or an SVG written by hand, on the page.

    Parameters
    ----------
    picture : Figure or str
        What `figure` returned and a cell drew on, or the text of an ``<svg>`` with a ``viewBox``.
    alt : str
        What the picture shows, in a sentence, for readers who do not see it.
    caption : str, optional
        A line of text below the picture.

    Raises
    ------
    ValueError
        If ``alt`` is not a sentence, or the SVG is not one element with a ``viewBox``.
    """
    if len(alt.split()) < 3 or not alt.endswith((".", "?", "!")):
        raise ValueError(f"show: alt must be a sentence that says what the picture shows, got {alt!r}")
    svg = _tidy(_draw(picture) if isinstance(picture, Figure) else picture, alt)
    line = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    markup = f'<figure class="drawing">{svg}{line}</figure>'
    display({"text/html": markup, "text/plain": alt}, raw=True)


def _draw(fig: Figure) -> str:
    text = StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    fig.savefig(text, format="svg", metadata=no_metadata, transparent=False)
    return text.getvalue()


def _tidy(svg: str, alt: str) -> str:
    """Make an SVG document a part of a page: themed inks, ids of its own, a name, no dead weight."""
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.strip()
    opening = re.match(r"<svg\b[^>]*>", svg)
    box = opening and re.search(r'viewBox="([^"]*)"', opening[0])
    if not opening or not box or not svg.endswith("</svg>"):
        raise ValueError(f"show: the SVG must be one <svg> element with a viewBox, got {svg[:60]!r}...")
    body = svg[opening.end() :]
    body = body.replace("xlink:href", "href")
    body = re.sub(r"<defs>\s*<style[^>]*>\*\{[^}]*\}</style>\s*</defs>", "", body)  # in the site's style sheet
    # Coordinates are finer than any screen; what stands between tags is text, and stays.
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", tag[0]), body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(r"font-family: 'DejaVu Sans'[^;\"]*; ", "", body)
    body = re.sub(r"font: ((?:oblique |italic |bold )*)([\d.]+px) [^;\"]*", _font, body)
    body = re.sub(r"\s*\n\s*", " ", body).replace("> <", "><")
    for ink, variable in VARIABLES.items():
        body = body.replace(ink, f"var({variable})")
    body = _own_ids(body)
    width = float(box[1].split()[2])
    return (
        f'<svg role="img" aria-label="{html.escape(alt)}" viewBox="{box[1]}" style="width: {width / 0.75:.0f}px">{body}'
    )


def _font(declaration: re.Match[str]) -> str:
    """Keep slant, weight and size; the family is the page's."""
    slant = "; font-style: italic" if re.search("oblique|italic", declaration[1]) else ""
    weight = "; font-weight: bold" if "bold" in declaration[1] else ""
    return f"font-size: {declaration[2]}{slant}{weight}"


def _own_ids(body: str) -> str:
    """Drop the ids nothing refers to; mark the others, so that no two pictures of a page share one."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    mark = "d" + hashlib.sha256(body.encode()).hexdigest()[:8]
    body = re.sub(r'\s+id="([^"]*)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", body)
    return re.sub(r'(url\(#|href="#)([^")]+)', rf"\1{mark}-\2", body)
