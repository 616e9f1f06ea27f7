"""Make what KaTeX writes light: the same picture and the same MathML in 40 % of the bytes.

Three measures. What KaTeX piles up in a table, with a strut in every entry, stands in a grid of one cell: its
items share the baseline, and each is moved from there (what room they need, the strut of their line has). Classes without a rule go, and the others have a name
of one or two letters. What a box of its kind usually says of itself, the style sheet says.
"""

import re
from collections.abc import Iterator
from html import escape
from itertools import chain, product
from string import ascii_lowercase, ascii_uppercase
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# By these names the rest of the book knows a formula.
PUBLIC = ("katex", "katex-display")
# The names of one letter are for the classes that occur most.
FREQUENT = (
    *(
        "katex-html",
        "mathnormal",
        "mspace",
        "katex-strut",
        "katex-base",
        "pile",
        "msupsub",
        "index",
        "mathsf",
        "nulldelimiter",
    ),
    *("mfrac", "frac-line", "mathrm", "delimsizing", "size1", "delimcenter", "arraycolsep", "mathbf", "col-align-c"),
)
# An index is smaller than what it stands at; KaTeX says so with three classes.
INDEX = {"katex-sizing", "reset-size6", "size3"}
# What a box of a class, and what an index, says of itself unless it says something else.
USUAL = {"mspace": ("margin-right", ".2778em"), "frac-line": ("border-bottom-width", ".04em")}
USUAL_INDEX = ("margin-right", ".05em")
# A move by nothing; and a negative height, which browsers ignore and a validator does not.
IDLE = re.compile(r"(?:top|margin-left):-?0(?:em)?$|height:-")
RULES = """
.katex .pile{align-items:baseline;display:inline-grid;margin-block:-99em}
.katex .pile>span{grid-area:1/1;position:relative}
.katex .pile>span>span{display:inline-block}
.katex .msupsub>.pile>span{margin-right:.05em}
.katex .index{font-size:.7em}
.katex .mspace{margin-right:.2778em}
.katex .mfrac .frac-line{border-bottom-width:.04em}
.katex b{font-weight:inherit}
"""
# How MathML looks; ours is there to be read aloud.
LOOKS = {
    *("columnalign", "columnlines", "columnspacing", "display", "displaystyle", "fence", "lspace", "maxsize"),
    *("minsize", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "symmetric", "width"),
}
# Of its letters too, but for those that mean something else in another alphabet: bold ones, hollow ones.
LETTERS = {"normal", "sans-serif"}
WRAPPERS = {"mrow", "mstyle", "semantics"}
# These take any number of children, as if an mrow stood around them.
ROWS = {*WRAPPERS, "math", "mtd", "msqrt"}


class LightMath:
    """KaTeX's style sheet, made light, and how to rewrite a formula of KaTeX's for it.

    Parameters
    ----------
    css : str
        ``katex.min.css``.

    Attributes
    ----------
    css : str
        The style sheet for the rewritten formulas.
    names : dict
        What a class of KaTeX's is called in it.
    """

    def __init__(self, css: str) -> None:
        faces, rules = re.findall(r"@font-face\{[^}]*\}", css), re.sub(r"@font-face\{[^}]*\}", "", css)
        rules = re.sub(r"\.katex \.vlist[^{,]*\{[^}]*\}", "", rules)
        rules = rules.replace(".vlist-t", ".pile").replace(".mfrac>span>span", ".mfrac>.pile")
        rules = rules.replace(".katex-mathml", "math") + RULES
        selector = r"[^{}]+(?=\{)"
        classes = [name for prelude in re.findall(selector, rules) for name in re.findall(r"\.([\w-]+)", prelude)]
        short = chain(ascii_uppercase, map("".join, product(ascii_uppercase, ascii_lowercase)))
        own = [name for name in dict.fromkeys([*FREQUENT, *classes]) if name not in PUBLIC]
        self.names = {name: name for name in PUBLIC} | {name: next(short) for name in own}

        def renamed(prelude: re.Match[str]) -> str:
            text = re.sub(r"\.([\w-]+)", lambda name: "." + self.names[name[1]], prelude[0])
            return re.sub(r"(?<=>)span\b", "b", text)

        # For how many generations of boxes inside it a rule asks.
        asked = sorted(re.findall(r"\.([\w-]+)((?:>span)+)", rules), key=lambda found: len(found[1]))
        self._held = {self.names[name]: boxes.count("span") for name, boxes in asked}
        self.css = "\n".join([*faces, re.sub(selector, renamed, rules)])

    def lighten(self, html: str) -> str:
        """Rewrite a formula."""
        root = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", html))  # noqa: S314 - KaTeX's own, well-formed
        formula = root if root.get("class") == "katex" else root[0]
        (spoken,), drawn = formula
        formula[0] = spoken
        _leave_out_looks(spoken)
        boxes = list(drawn.iter("span"))
        for box in boxes:
            if box.get("class") == "msupsub":
                for entry in _entries(box[0]):
                    _leave_out(entry, *USUAL_INDEX)
        for box in boxes:
            if "vlist-t" in box.get("class", "").split():
                _pile(box)
        for box in drawn.iter("span"):
            self._describe(box)
        for box in drawn.iter("span"):
            if box.get("class") == self.names["index"]:
                _merge(box)
        for box in list(drawn.iter("span"))[1:]:
            box.tag = "b"  # the shortest name there is
        return "".join(self._write(root))

    def _describe(self, box: Element) -> None:
        """Leave out what changes nothing, and shorten the rest."""
        classes = box.get("class", "").split()
        for name in USUAL.keys() & classes:
            _leave_out(box, *USUAL[name])
        if INDEX.issubset(classes):
            classes = ["index", *(name for name in classes if name not in INDEX)]
        box.set("class", " ".join(self.names[name] for name in classes if name in self.names))
        _set_style(box, {key: value for key, value in _style(box).items() if not IDLE.match(f"{key}:{value}")})

    def _write(self, element: Element, held: int = 1) -> Iterator[str]:
        """Yield the HTML of an element; a box that says nothing is only its content, unless a rule counts on it.

        `held` says of how many generations, this one included, a rule asks for the boxes.
        """
        attributes = {key: value for key, value in element.attrib.items() if value}
        stays = held > 0 or attributes or element.tag != "b"
        if stays:
            yield f"<{element.tag}"
            for key, value in attributes.items():
                yield f" {key}={value}" if re.fullmatch(r"[^\s\"'=<>`]+", value) else f' {key}="{escape(value)}"'
            yield ">"
        yield escape(element.text or "", quote=False)
        held = max([held - 1, *(self._held[name] for name in element.get("class", "").split() if name in self._held)])
        for child in element:
            yield from self._write(child, held)
            yield escape(child.tail or "", quote=False)
        if stays:
            yield f"</{element.tag}>"


def _style(box: Element) -> dict[str, str]:
    text = re.sub(r"(?<![\d.])0\.", ".", box.get("style", ""))
    return dict(part.split(":", 1) for part in text.split(";") if part)


def _set_style(box: Element, style: dict[str, str]) -> None:
    box.set("style", ";".join(f"{key}:{value}" for key, value in style.items()))


def _leave_out(box: Element, key: str, usual: str) -> None:
    """Do not say what is usual; where nothing was said, say that it is not usual."""
    style = _style(box)
    if style.setdefault(key, "0") == usual:
        del style[key]
    _set_style(box, style)


def _entries(table: Element) -> list[Element]:
    """Return the entries of a table of KaTeX's: all are in the first cell, the others hold room."""
    return list(table[0][0])


def _pile(table: Element) -> None:
    """Make a pile of a table: the strut in an entry tells how far the baseline is below the entry's top."""
    entries = _entries(table)
    table[:] = entries
    table.set("class", "pile")
    for entry in entries:
        style, strut = _style(entry), entry[0]
        entry.remove(strut)
        down = float(style.pop("top")[:-2]) + float(_style(strut)["height"][:-2])
        entry.set("style", f"top:{round(down, 4)}em")
        _set_style(entry, _style(entry) | style)


def _merge(index: Element) -> None:
    """Make one box of an index and the only letter in it."""
    if len(index) == 1 and not len(index[0]) and not index.get("style"):
        letter = index[0]
        index[:] = []
        index.text = letter.text
        index.set("class", f"{index.get('class')} {letter.get('class')}".strip())
        index.set("style", letter.get("style", ""))


def _leave_out_looks(element: Element) -> None:
    """Keep of MathML what can be read aloud, without the wrappers that group nothing."""
    for name, value in list(element.items()):
        if name in LOOKS or value in LETTERS:
            del element.attrib[name]
    children = [child for child in element if child.tag != "annotation"]
    element[:] = []
    for child in children:
        _leave_out_looks(child)
        in_row = element.tag in ROWS
        if child.tag in WRAPPERS and not child.attrib and (len(child) == 1 or (in_row and len(children) == 1)):
            element.extend(child)
        elif child.tag != "mspace" or child.attrib or not in_row:
            element.append(child)
