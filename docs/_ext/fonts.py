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
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table it drops


def shrink(font: Path, characters: set[str], cache: Path) -> bytes:
    """Return a woff2 font with the glyphs of some characters only; compressing it is slow, so it is kept."""
    codes = sorted(map(ord, characters))
    key = hashlib.sha256(font.read_bytes() + repr(codes).encode()).hexdigest()[:24]
    kept = cache / f"{key}.woff2"
    if not kept.exists():
        small = BytesIO()
        with TTFont(font, recalcTimestamp=False) as loaded:  # the day of the build must not be in the file
            subsetter = Subsetter(Options(flavor="woff2", layout_features=["*"], notdef_outline=True))
            subsetter.populate(unicodes=codes)
            subsetter.subset(loaded)
            loaded.save(small)
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(small.getvalue())
    return kept.read_bytes()


def property_of(rule: str, name: str) -> str:
    """Return the value of a property, or the empty string."""
    found = re.search(rf'{name}:"?([^;}}"]+)', rule)
    return found[1] if found else ""


def faces_in_use(css: str) -> set[tuple[str, ...]]:
    """Return the family, weight and style of each font a rule asks for by name."""
    rules = re.findall(r"(?<!@font-face)\{[^{}]*font-family:[^{}]*\}", css)
    named = {
        (
            property_of(rule, "font-family"),
            property_of(rule, "font-weight") or "400",
            property_of(rule, "font-style") or "normal",
        )
        for rule in rules
    }
    # These two are asked for in other words: KaTeX's own by the shorthand `font`, the icons by a variable.
    return named | {("KaTeX_Main", "400", "normal"), (r"Font Awesome\ 7 Free", "900", "normal")}


def embed(css: str, static: Path, characters: set[str], cache: Path) -> str:
    """Write the fonts a style sheet uses to ``fonts/``, as a script and as rules; return the sheet without them."""
    used = faces_in_use(css)
    faces, rules = [], []

    def take(match: re.Match[str]) -> str:
        rule = match[0]
        family, weight, style = face = tuple(
            property_of(rule, f"font-{name}") for name in ("family", "weight", "style")
        )
        address = re.search(r"url\(([^)]*\.woff2)\)", rule)
        if face not in used or not address:
            return rule
        data = b64encode(shrink(static / address[1], characters, cache)).decode()
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
