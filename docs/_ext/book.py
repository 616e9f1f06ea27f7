"""What the pages' cells draw with: `figure` makes a figure in the book's style, `show` puts it on the page.

A picture that more than one page shows has a function here.

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


def show_two_columns(*, sample: str, row: str, column: str) -> None:
    """Show which entries of G and X make one entry of the weight gradient, in the letters of the page."""
    show(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 225">'
        + _grid(35, 50, "G", "(samples, out)", {(r, 1) for r in range(5)}, (5, 4), BLUE)
        + _grid(205, 50, "X", "(samples, in)", {(r, 2) for r in range(5)}, (5, 3), ORANGE)
        + _grid(350, 65, "∂L/∂W", "(out, in)", {(1, 2)}, (4, 3), PURPLE)
        + _word(178, 130, "&times;", size=20)
        + _word(322, 130, "→", size=20)
        + _word(16, 130, sample, MUTED)
        + _word(78, 218, f"column {row}", BLUE)
        + _word(278, 218, f"column {column}", ORANGE)
        + _word(394, 203, f"row {row}, column {column}", PURPLE)
        + "</svg>",
        alt=f"Column {row} of G and column {column} of X, multiplied entry by entry and added up, give the entry of "
        f"the weight gradient in row {row} and column {column}.",
        caption=f"One entry of the weight gradient: two columns, multiplied and added over the samples {sample}.",
    )


def _grid(x: int, y: int, name: str, axes: str, lit: set[tuple[int, int]], shape: tuple[int, int], ink: str) -> str:
    """Draw a matrix with some entries lit."""
    boxes = "".join(
        f'<rect x="{x + 30 * c}" y="{y + 30 * r}" width="26" height="26" rx="4" '
        f'fill="{ink if (r, c) in lit else GRID}"/>'
        for r in range(shape[0])
        for c in range(shape[1])
    )
    middle = x + 15 * shape[1] - 2
    return (
        boxes
        + _word(middle, y - 30, name, size=19, style=' font-style="italic"')
        + _word(middle, y - 11, axes, MUTED, 13)
    )


def _word(x: int, y: int, text: str, ink: str = INK, size: int = 14, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}"{style} fill="{ink}">{text}</text>'


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
