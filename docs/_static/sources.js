/* The chooser above the sources (docs/layouts/sources-decoded.md). Without this script all sources show. */
const chooser = document.getElementById("source-chooser");

function startChooser() {
  const tables = [...document.querySelectorAll("table")].filter((t) => t.tHead?.rows[0].cells[0].textContent.trim() === "what");
  const shown = tables.map((table) => [table.closest(".pst-scrollable-table-container") ?? table, table.tHead.rows[0].cells[1].textContent.trim()]);
  const select = document.createElement("select");
  select.add(new Option("all sources", ""));
  for (const [, name] of shown) select.add(new Option(name));
  select.className = "form-select";
  select.style.cssText = "color: inherit; background: var(--pst-color-background); border: 1px solid var(--pst-color-border); display: block; max-width: 100%; padding: 0.4rem";
  const label = document.createElement("label");
  label.append("Your source", select);
  chooser.append(label);

  function choose() {
    for (const [box, name] of shown) box.hidden = select.value !== "" && select.value !== name;
  }
  select.addEventListener("input", choose);
  select.value = shown[0][1];
  choose();
}

if (chooser) startChooser();
