/** READMEs hold what the project has: variables with their defaults, and test files. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { notYetSupported, variables } from "../src/config/variables.ts";

const page = readFileSync(join(import.meta.dirname, "..", "src/config/README.md"), "utf8");

/** Names in the first cell of each row of the table of variables, sorted. */
const inTable = page
  .split("\n")
  .filter((line) => /^\| `(HOST|MILLRACE_)/.test(line))
  .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => name ?? ""))
  .sort();

test("the table of variables has every variable that is read, and no other", () => {
  expect(inTable).toEqual(Object.keys(variables).sort());
});

test("the table of variables has the defaults that are plain values", () => {
  for (const [name, [fallback]] of Object.entries(variables)) {
    if (/\s|^none$/.test(fallback)) continue;
    const row = page.split("\n").find((line) => line.startsWith("| `") && line.split("|")[1]?.includes(`\`${name}\``));
    expect(`${name}: ${row?.split("|")[2]}`).toContain(`\`${fallback}\``);
  }
});

test("the page of variables names every variable that is refused as not yet supported", () => {
  const list = page.replace(/\s+/g, " ").split("refused as not yet supported:")[1] ?? "";
  const named = [...list.matchAll(/`(MILLRACE_[A-Z0-9_]+)`/g)].map(([, name]) => name ?? "");
  expect(named.sort()).toEqual(Object.keys(notYetSupported).sort());
});

test("every test file that test/README.md names is there", () => {
  const tests = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  const named = [...tests.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file]) => file ?? "");
  // Behind one of its folder, a file stands by its name alone.
  const isThere = (file: string) =>
    ["", "promises", "store", "http", "client", "page"].some((folder) =>
      existsSync(join(import.meta.dirname, folder, file)),
    );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((file) => !isThere(file))).toEqual([]);
});
