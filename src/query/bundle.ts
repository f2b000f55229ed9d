/**
 * Makes the entry of a query's process with all that it imports one file, with the runtime's bytecode beside it:
 * `bun src/query/bundle.ts FOLDER` writes `sandbox.js` and says so on standard output. Of 130 files the runtime needs
 * 80 ms of processor time more than of this one.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAll } from "../base/durable.ts";
import { endAtOnce } from "../base/limited-process.ts";

/** Loads a library that stands beside it, so it stays where it is. */
const bindings = /^@duckdb\/node-bindings$/;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("the folder is missing");
await Bun.build({
  entrypoints: [fileURLToPath(new URL("./sandbox.ts", import.meta.url))],
  outdir: folder,
  target: "bun",
  minify: true,
  // Only this format has bytecode.
  format: "cjs",
  bytecode: true,
  plugins: [
    {
      name: "bindings stay where they are",
      setup: ({ onResolve }) => {
        onResolve({ filter: bindings }, ({ path, importer }) => ({
          path: Bun.resolveSync(path, dirname(importer)),
          external: true,
        }));
      },
    },
  ],
});
writeAll(1, Buffer.from("bundled"));
endAtOnce();
