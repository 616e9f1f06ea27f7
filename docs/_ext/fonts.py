"""Have the fonts of formulas and icons there before a page is drawn, each with the characters the site uses.

A font that a style sheet names is fetched when the page is laid out, and moves the text around every
formula when it arrives.  So a script in the head hands the browser the fonts themselves, which it takes
at once, from a server or from a file.  Without scripts a style sheet names them after all.
"""

import hashlib
import json
import logging
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from html import unescape
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table it drops

Face = tuple[str, str, str]  # family, weight, style
ICONS: Face = (r"Font Awesome\ 7 Free", "900", "normal")
TEXT: Face = ("KaTeX_Main", "400", "normal")


def kept(cache: Path, name: str, *made_of: object, make: Callable[[], bytes]) -> bytes:
    """Return what is kept of an earlier build that was made of the same; make and keep it if there is none."""
    key = hashlib.sha256(repr(made_of).encode()).hexdigest()[:24]
    file = cache / f"{key}-{name}"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make())
    return file.read_bytes()


def shrink(font: Path, characters: set[str], cache: Path) -> bytes:
    """Return a woff2 font with the glyphs of some characters only; compressing it is slow, so it is kept."""
    codes = sorted(map(ord, characters))

    def make() -> bytes:
        small = BytesIO()
        with TTFont(font, recalcTimestamp=False) as loaded:  # the day of the build must not be in the file
            hinting = "Size" not in font.name and "KaTeX" in font.name  # for small letters, not brackets and pictures
            options = Options(flavor="woff2", layout_features=["*"], notdef_outline=True, hinting=hinting)
            subsetter = Subsetter(options)
            subsetter.populate(unicodes=codes)
            subsetter.subset(loaded)
            loaded.save(small)
        return small.getvalue()

    return kept(cache, font.name, Path(__file__).read_text("utf-8"), font.read_bytes(), codes, make=make)


def property_of(rule: str, name: str) -> str:
    """Return the value of a property, or the empty string."""
    found = re.search(rf'{name}:"?([^;}}"]+)', rule)
    return found[1] if found else ""


def characters_of(formulas: Iterable[str], css: str) -> dict[Face, set[str]]:
    """Return the characters that formulas have in each font.

    Parameters
    ----------
    formulas : iterable of str
        What is drawn, without the MathML.
    css : str
        The style sheet that gives their boxes fonts, by class.
    """
    rules = []
    for prelude, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        change = [property_of(body, f"font-{name}") for name in ("family", "weight", "style")]
        if ".katex ." in prelude and any(change):
            boxes = [set(re.findall(r"\.([\w-]+)", selector.split()[-1])) for selector in prelude.split(",")]
            rules.append((boxes, change))

    @cache
    def inside(face: Face, attributes: str) -> Face:
        """Return the font in a box that stands where the font is `face`."""
        classes = property_of(attributes.replace("class=", "class:"), "class").split()
        for boxes, change in rules:
            if any(box.issubset(classes) for box in boxes):
                face = tuple(new or old for new, old in zip(change, face, strict=True))
        return face

    found: dict[Face, set[str]] = defaultdict(set)
    for formula in formulas:
        faces = [TEXT]
        for closing, attributes, text in re.findall(r"<(/?)\w+([^>]*)>([^<]*)", formula):
            if closing:
                faces.pop()
            else:
                faces.append(inside(faces[-1], attributes))
            found[faces[-1]].add(text)
    return {face: set(unescape("".join(texts))) for face, texts in found.items()}


def embed(css: str, static: Path, characters: dict[Face, set[str]], cache: Path) -> str:
    """Write the fonts with their characters to ``fonts/``, as a script and as rules; return the sheet without any."""
    faces, rules = [], []

    def take(match: re.Match[str]) -> str:
        rule = match[0]
        family, weight, style = face = tuple(
            property_of(rule, f"font-{name}") for name in ("family", "weight", "style")
        )
        address = re.search(r"url\(([^)]*\.woff2)\)", rule)
        if address and characters.get(face):
            data = b64encode(shrink(static / address[1], characters[face], cache)).decode()
            faces.append([family.replace("\\", ""), data, {"weight": weight, "style": style}])
            rules.append(rule.replace("url(", "url(../"))
        return ""

    rest = re.sub(r"@font-face\{[^}]*\}\n?", take, css)
    script = f"""for (const [family, data, face] of {json.dumps(faces, separators=(",", ":"))})
  document.fonts.add(new FontFace(family, Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0)), face));
"""
    (static / "fonts").mkdir(exist_ok=True)
    (static / "fonts" / "fonts.js").write_text(script, "utf-8")
    (static / "fonts" / "fonts.css").write_text("\n".join(rules), "utf-8")
    return rest
