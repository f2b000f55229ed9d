/**
 * Makes the files of the page: `bun src/page/bundle.ts` prints them as one JSON object, their content by their name.
 * `GET /` serves them.
 */
import { fileURLToPath } from "node:url";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const entry = fileURLToPath(new URL("./main.tsx", import.meta.url));

/** One file of an entry and all that it imports. */
async function bundled(path: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [path],
    target: "browser",
    format: "iife",
    minify: true,
    // Else the components would be made by the functions for development, which name their places in the source.
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return (await Promise.all(outputs.map((output) => output.text()))).join("");
}

const files = {
  "index.html": await Bun.file(here("index.html")).text(),
  "icon.svg": await Bun.file(here("icon.svg")).text(),
  "page.css": await bundled(here("page.css")),
  "page.js": await bundled(entry),
};
process.stdout.write(JSON.stringify(files));
