/* Python in the background of the page: it answers the questions of derive.js. */
import { loadPyodide } from "./pyodide.mjs";

const python = start();

async function load(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be loaded`);
  return answer;
}

async function start() {
  const [made, engine, program] = await Promise.all([loadPyodide(), load("handgrad.zip"), load("answer.py")]);
  made.FS.writeFile("/handgrad.zip", new Uint8Array(await engine.arrayBuffer()));
  made.runPython('import sys\nsys.path.insert(0, "/handgrad.zip")');
  made.runPython(await program.text());
  return made;
}

addEventListener("message", async ({ data: { what, question } }) => {
  try {
    const answer = (await python).globals.get(what)(question);
    postMessage({ answer: JSON.parse(answer) });
  } catch (error) {
    postMessage({ failure: error.message });
  }
});
