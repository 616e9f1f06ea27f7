/* A button on each listing that copies it: of a session, what was typed, without prompts and answers. */
const PROMPT = /^(?:>>> |\.\.\. |\$ )/;

function typed(text) {
  const lines = text.trimEnd().split("\n");
  return (lines.some((line) => PROMPT.test(line)) ? lines.filter((line) => PROMPT.test(line)) : lines)
    .map((line) => line.replace(PROMPT, ""))
    .join("\n");
}

function addCopyButton(listing) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(typed(listing.querySelector("pre").textContent));
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  listing.append(button);
}

/* A browser has no clipboard for a page that came over an open line. */
if (navigator.clipboard) for (const listing of document.querySelectorAll("div.highlight")) addCopyButton(listing);
