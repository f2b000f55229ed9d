/**
 * Builds the package: `bun src/client/bundle.ts` prints the client as one ES module, as `GET /millrace.js` serves it;
 * with `--into FOLDER` it writes both modules there, beside the types that the compiler made, for `npm pack`.
 */
import { fileURLToPath } from "node:url";

const client = fileURLToPath(new URL("./client.ts", import.meta.url));
const outbox = fileURLToPath(new URL("./outbox.ts", import.meta.url));

/** One module of an entry and all that it imports. */
async function bundled(entry: string, target: "browser" | "node"): Promise<string> {
  const minified = async (path: string, files: Record<string, string> = {}) => {
    const { outputs } = await Bun.build({ entrypoints: [path], files, target, format: "esm", minify: true });
    return (await Promise.all(outputs.map((output) => output.text()))).join("");
  };
  // The second time joins what the first one left of each module.
  return await minified("/module.js", { "/module.js": await minified(entry) });
}

const [option, folder] = process.argv.slice(2);
if (option === "--into" && folder !== undefined) {
  await Bun.write(`${folder}/client.js`, await bundled(client, "browser"));
  await Bun.write(`${folder}/outbox.js`, await bundled(outbox, "node"));
  // The compiler leaves the names of source files in types, and users have only what is compiled.
  for (const name of ["client", "outbox"]) {
    const path = `${folder}/${name}.d.ts`;
    await Bun.write(path, (await Bun.file(path).text()).replaceAll('.ts"', '.js"'));
  }
} else process.stdout.write(await bundled(client, "browser"));
