/* The box in which a reader derives (docs/engine/derive-your-own.md). Python and KaTeX come when they are first needed. */
const box = document.getElementById("derive-box");
const here = document.currentScript.src;
const result = box.querySelector(".derived");
const status = box.querySelector("[role=status]");
const button = box.querySelector("button");
const NOTATIONS = { frobenius: "In Frobenius notation", index: "In index notation" };

/* Python works in the background, one question at a time. A question that takes too long for its reader
   is answered no more when the next one comes. */
let worker;
let busy = false;
function ask(what, question) {
  worker ??= new Worker(new URL("worker.js", here), { type: "module" });
  busy = true;
  return new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Error("Python could not be started"));
    worker.onmessage = ({ data: { answer, failure } }) => {
      busy = false;
      if (failure) reject(new Error(failure));
      else resolve(answer);
    };
    worker.postMessage({ what, question });
  });
}

function forget() {
  if (!busy) return;
  worker.terminate();
  worker = undefined;
}

let katex;
function loadKatex() {
  katex ??= new Promise((resolve, reject) => {
    const script = element("script");
    script.src = new URL("katex.min.js", here);
    script.onload = () => resolve(window.katex);
    script.onerror = () => reject(new Error("KaTeX could not be loaded"));
    document.head.append(script);
  });
  return katex;
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/* The sizes are those of the book's formulas. */
const STYLE = `
  :host { overflow: auto hidden; padding: 0.25rem 0 }
  .katex-display { margin: 0 }
  .katex-display, .katex-display > .katex { text-align: left }
  .katex { font-size: 1.1em }
  @media (max-width: 600px) { .katex { font-size: 1em } }`;

/* Steps as wide as the box, or else with their reasons below them.
   KaTeX's own style sheet holds in here only; the formulas of the book have another. */
function formulas({ wide, narrow }, typesetter) {
  const [host, place, sheet] = ["div", "div", "link"].map((tag) => element(tag));
  sheet.rel = "stylesheet";
  sheet.href = new URL("katex.min.css", here);
  const style = element("style", STYLE);
  host.attachShadow({ mode: "open" }).append(sheet, style, place);
  const draw = (latex) => typesetter.render(latex, place, { displayMode: true });
  const fit = () => {
    draw(wide);
    if (host.scrollWidth > host.clientWidth) draw(narrow);
    reach(host);
  };
  let width;
  const watch = new ResizeObserver(() => {
    if (width === host.clientWidth) return;
    width = host.clientWidth;
    fit();
  });
  draw(wide);
  sheet.onload = () => document.fonts.ready.then(() => watch.observe(host));
  return host;
}

/* What is wider than the page scrolls; the keyboard must reach it. */
function reach(part) {
  if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  else part.removeAttribute("tabindex");
}

async function show(answer) {
  const parts = [element("pre", answer.error ?? answer.gradient)];
  if (!answer.error) {
    const typesetter = await loadKatex();
    for (const [notation, title] of Object.entries(NOTATIONS)) parts.push(element("h3", title), formulas(answer[notation], typesetter));
    parts.push(element("h3", "As code"), element("pre", answer.source));
  }
  document.querySelector(".derive-sample")?.remove();
  result.replaceChildren(...parts);
  result.hidden = false;
  parts.forEach(reach);
}

/* What was asked stands in the address, to be kept or sent. */
function keep(fields) {
  const url = new URL(location);
  url.search = new URLSearchParams(fields);
  history.replaceState(null, "", url);
}

async function derive(event) {
  event.preventDefault();
  forget();
  const fields = Object.fromEntries(new FormData(box));
  const question = JSON.stringify(fields);
  keep(fields);
  status.textContent = worker ? "Deriving …" : "Starting Python …";
  try {
    const answer = await ask("answer", question);
    await show(answer);
    status.textContent = answer.error ? "This cannot be derived:" : "Checking every line …";
    if (answer.error) return;
    const checked = await ask("check", question);
    const yours = checked.verdict ? ` Your gradient: ${checked.verdict}` : "";
    status.textContent = checked.error ?? `The derivative has shape ${answer.shape}. ${checked.lines} lines are true on random arrays.${yours}`;
  } catch (error) {
    status.textContent = error.message;
  }
}

/* The address of this page, or that of an example, fills the form in. */
function fill(address) {
  const given = new URL(address).searchParams;
  for (const field of box.elements) if (given.has(field.name)) field.value = given.get(field.name);
}

function example(event) {
  event.preventDefault();
  box.reset();
  fill(event.target.href);
  box.requestSubmit();
}

fill(location);
if (location.protocol === "file:") {
  status.textContent = "Works where the book is served: run python -m http.server in its folder, and open the address that it names.";
} else {
  status.textContent = status.textContent.replace("Needs JavaScript. ", "");
  button.disabled = false;
  box.addEventListener("submit", derive);
  for (const link of box.querySelectorAll(".examples a")) link.addEventListener("click", example);
}
