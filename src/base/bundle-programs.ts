/**
 * Makes programs with all that they import one file each, with the runtime's bytecode beside it:
 * `bun src/base/bundle-programs.ts FOLDER PROGRAM.ts…` writes a `PROGRAM.js` for each, and says so on standard output.
 * Of 130 files the runtime needs 80 ms of processor time more than of one.
 */
import "@duckdb/node-api";
import { basename, dirname, join } from "node:path";
import { appendToFile, writeAll } from "./durable.ts";
import { endAtOnce } from "./limited-process.ts";

/** The part of the driver that loads DuckDB's library. */
const bindings = /^@duckdb\/node-bindings$/;

/** The file that it loads here. To find out at each start which C library the machine has would take 6 ms. */
const library = Object.keys(require.cache).find((path) => path.endsWith("/duckdb.node"));

const [folder, ...entrypoints] = process.argv.slice(2);
if (folder === undefined) throw new Error("the folder is missing");
const { outputs } = await Bun.build({
  entrypoints,
  target: "bun",
  minify: true,
  // Only this format has bytecode.
  format: "cjs",
  bytecode: true,
  plugins: [
    {
      name: "the library stays where it is",
      setup: ({ onResolve }) => {
        onResolve({ filter: bindings }, ({ path, importer }) => ({
          path: library ?? Bun.resolveSync(path, dirname(importer)),
          external: true,
        }));
      },
    },
  ],
});
// The runtime's own writing would make a folder again that was removed meanwhile, and nobody would remove that one.
for (const output of outputs)
  appendToFile(join(folder, basename(output.path)), new Uint8Array(await output.arrayBuffer()));
writeAll(1, Buffer.from("bundled"));
endAtOnce();
