/* The filter above the tables of identities (docs/layouts/reference.md). Without this script all rows show. */
const place = document.getElementById("identity-filter");

/* Spaces, signs that are not seen, and case do not count: "tr(A X)" finds "tr(AX)". */
function plain(text) {
  return text.toLowerCase().replace(/[\s\u2061\u200b]+/g, "");
}

function control(label, element) {
  const line = document.createElement("label");
  line.style.cssText = "display: flex; flex: 1 1 14rem; flex-direction: column; min-width: 0";
  line.append(label, element);
  element.className = element.tagName === "SELECT" ? "form-select" : "form-control";
  element.style.cssText = "color: inherit; background: var(--pst-color-background); border: 1px solid var(--pst-color-border); padding: 0.4rem";
  return line;
}

function select(options) {
  const element = document.createElement("select");
  for (const [value, text] of options) element.add(new Option(text, value));
  return element;
}

/* "as denominator" is of no use when that column is hidden: keep the formula at hand. */
function spellOut(row) {
  const like = { "as numerator": 1, "as denominator": 2, "as both": 1 }[row.cells[3].textContent.trim()];
  if (!like) return () => {};
  const [home, other] = [row.cells[3], row.cells[like]].map((cell) => cell.querySelector("p") ?? cell);
  const words = document.createElement("span");
  const formula = document.createElement("span");
  words.append(...home.childNodes);
  formula.append(...[...other.childNodes].map((node) => node.cloneNode(true)));
  home.append(words, formula);
  return (alone) => {
    words.hidden = alone;
    formula.hidden = !alone;
  };
}

function startFilter() {
  const tables = [...document.querySelectorAll("table")].filter((t) => t.tHead?.rows[0].cells[0].textContent.trim() === "y and variable");
  const parts = tables.map((table) => {
    const section = table.closest("section");
    const rows = [...table.tBodies[0].rows].map((row) => [row, plain(row.textContent)]);
    const spell = rows.map(([row]) => (row.cells.length < 4 ? () => {} : spellOut(row)));
    return { table, section, rows, spell, name: section.querySelector("h3").firstChild.textContent };
  });

  const search = document.createElement("input");
  search.type = "search";
  const kind = select([["", "all kinds"], ...parts.map((part, at) => [at, part.name])]);
  const layout = select([["", "all layouts"], [1, "numerator, ∂y/∂xᵀ"], [2, "denominator"], [3, "shape"]]);
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  const box = document.createElement("div");
  box.setAttribute("role", "search");
  box.setAttribute("aria-label", "Identities");
  box.style.cssText = "display: flex; flex-wrap: wrap; gap: 0.75rem";
  box.append(control("Search, such as tr(AX), symmetric", search), control("Kind", kind), control("Layout", layout));
  place.append(box, count);

  function filter() {
    const words = search.value.split(/\s*,\s*/).map(plain);
    let found = 0;
    parts.forEach((part, at) => {
      let here = 0;
      for (const [row, text] of part.rows) {
        row.hidden = !words.every((word) => text.includes(word));
        here += row.hidden ? 0 : 1;
      }
      const wanted = kind.value === "" || Number(kind.value) === at;
      part.section.hidden = !wanted || here === 0;
      found += wanted ? here : 0;
      for (const spell of part.spell) spell(layout.value === "3");
      if (part.table.tHead.rows[0].cells.length < 4) return; // one entry serves all layouts
      for (const row of part.table.rows) {
        for (const column of [1, 2, 3]) row.cells[column].hidden = layout.value !== "" && Number(layout.value) !== column;
      }
    });
    count.textContent = found === 1 ? "1 identity" : `${found} identities`;
  }
  for (const element of [search, kind, layout]) element.addEventListener("input", filter);
  filter();
}

if (place) startFilter();
