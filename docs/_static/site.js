/* The theme's switch: light or dark, the reader's choice kept; until they choose, the system's. */
const root = document.documentElement;
const themeSwitch = document.getElementById("theme-switch");

function showTheme() {
  themeSwitch.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
}

if (themeSwitch) {
  new MutationObserver(showTheme).observe(root, { attributeFilter: ["data-theme"] });
  showTheme();
  themeSwitch.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.mode = root.dataset.theme = theme;
    localStorage.setItem("mode", theme);
    localStorage.setItem("theme", theme);
  });
}

/* A formula or table wider than the page scrolls inside its own box; the keyboard must reach that box. */
function reachScrollers() {
  for (const box of document.querySelectorAll(".katex-display, .output.text_html, .pst-scrollable-table-container, figure.drawing")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
window.addEventListener("load", reachScrollers);
window.addEventListener("resize", reachScrollers);

/* Sphinx marks the words of a search on the page it leads to: its scripts are loaded only there. */
if (localStorage.getItem("sphinx_highlight_terms") && !root.querySelector("script[src*=sphinx_highlight]")) {
  for (const name of ["doctools.js", "sphinx_highlight.js"]) {
    const script = document.createElement("script");
    script.async = false; /* in this order */
    script.src = `${root.dataset.content_root}_static/${name}`;
    document.head.append(script);
  }
}
