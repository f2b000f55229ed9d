/** `millrace key`: makes, lists and removes write keys. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-key-"));
  file = join(folder, "keys.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const key = (...words: string[]) => millrace(["key", ...words], { env: { MILLRACE_WRITE_KEYS: file } });
const kept = () => JSON.parse(readFileSync(file, "utf8"));
const modeOf = (path: string) => statSync(path).mode & 0o777;

test("--name prints a key and nothing else, and keeps its hash; --list prints names, --remove removes one", async () => {
  const made = await key(
    "--name",
    "web",
    "--origin",
    "https://shop.example",
    "--origin",
    "http://localhost:3000/",
    "--rate",
    "500",
  );
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(made.stdout).toMatch(/^mrw_[\w-]{32}\n$/);
  const key_sha256 = createHash("sha256").update(made.stdout.trim()).digest("hex");
  const web = { name: "web", key_sha256, origins: ["https://shop.example", "http://localhost:3000"], rate: 500 };
  expect(kept()).toEqual({ keys: [web] });
  expect(modeOf(file)).toBe(0o600);
  expect((await key("--name", "app")).code).toBe(0);
  expect(await key("--list")).toEqual({ code: 0, stdout: "web\napp\n", stderr: "" });
  expect(await key("--remove", "web")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await key("--list")).toMatchObject({ code: 0, stdout: "app\n" });
  expect(readdirSync(folder)).toEqual(["keys.json"]);
});

test("commands at the same moment lose none of each other's keys", async () => {
  const names = ["a", "b", "c", "d", "e"];
  const ended = await Promise.all(names.map((name) => key("--name", name)));
  expect(ended.map(({ code }) => code)).toEqual(names.map(() => 0));
  const entries: { name: string; key_sha256: string }[] = kept().keys;
  expect(entries.map(({ name }) => name).sort()).toEqual(names);
  const hashes = ended.map(({ stdout }) => createHash("sha256").update(stdout.trim()).digest("hex"));
  expect(entries.map(({ key_sha256 }) => key_sha256).sort()).toEqual(hashes.sort());
});

test("the file keeps its mode and its place behind a link", async () => {
  const real = join(folder, "real.json");
  writeFileSync(real, '{"keys":[]}');
  chmodSync(real, 0o640);
  symlinkSync(real, file);
  expect((await key("--name", "web")).code).toBe(0);
  expect(JSON.parse(readFileSync(real, "utf8")).keys).toHaveLength(1);
  expect(modeOf(real)).toBe(0o640);
});

test("a file is read as the service reads it: with a byte order mark, and not with broken bytes or as a pipe", async () => {
  writeFileSync(file, '\uFEFF{"keys":[]}\r\n');
  expect((await key("--name", "web")).code).toBe(0);
  expect((await key("--list")).stdout).toBe("web\n");
  const broken = Buffer.from(readFileSync(file, "latin1").replace("web", "w\xffb"), "latin1");
  writeFileSync(file, broken);
  for (const words of [["--list"], ["--name", "app"]]) {
    const ended = await key(...words);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("not UTF-8");
  }
  expect(readFileSync(file).equals(broken)).toBe(true);
  rmSync(file);
  execFileSync("mkfifo", [file]);
  for (const words of [["--list"], ["--name", "app"], ["--remove", "app"]]) {
    const ended = await key(...words);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("not a regular file");
  }
});

test("what cannot be done is exit code 1, and changes nothing", async () => {
  symlinkSync(join(folder, "nowhere"), file);
  expect((await key("--name", "web")).stderr).toContain("the link leads to a file that does not exist");
  rmSync(file);
  for (const words of [["--list"], ["--remove", "web"]]) {
    const ended = await key(...words);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain(file);
  }
  expect(existsSync(file)).toBe(false);
  await key("--name", "web");
  const before = readFileSync(file, "utf8");
  for (const words of [
    ["--name", "web"],
    ["--remove", "app"],
  ]) {
    const ended = await key(...words);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expectPlainWords(ended.stderr);
  }
  writeFileSync(file, "");
  expect((await key("--name", "app")).stderr).toContain('is empty; without keys it is {"keys":[]}');
  writeFileSync(file, "nonsense");
  expect(await key("--name", "app")).toMatchObject({ code: 1, stdout: "" });
  expect(readFileSync(file, "utf8")).toBe("nonsense");
  writeFileSync(file, before);
  expect((await key("--list")).stdout).toBe("web\n");
});

test("what nobody can mean is exit code 2, and makes no file", async () => {
  for (const [words, named] of [
    [[], "--name"],
    [["--name", "a", "--list"], "--name"],
    [["--list", "--rate", "5"], "--rate"],
    [["--name", " "], "--name"],
    [["--name", "a", "--origin", "shop.example", "--rate", "many"], "--rate"],
    [["--name", "a", "--origin", "https://shop.example/cart"], "--origin"],
    [["--name", "a", "--rate", "-5"], "--rate"],
  ] as const) {
    const ended = await key(...words);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(named);
  }
  expect(existsSync(file)).toBe(false);
  const unset = await millrace(["key", "--name", "web"], { env: { MILLRACE_WRITE_KEYS: undefined } });
  expect(unset).toMatchObject({ code: 2, stdout: "" });
  expect(unset.stderr).toContain("MILLRACE_WRITE_KEYS");
});
