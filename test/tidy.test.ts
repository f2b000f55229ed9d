/**
 * What a program judges better than a reader. Each rule must find its bad sample before it is believed about the
 * project.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { constructorsThatAct, writesElsewhere } from "./support/tidy/acts.ts";
import { exportsNobodyImports, exportsWithoutDocstring, exportsWithoutName } from "./support/tidy/exports.ts";
import { deadFiles, importCycles, importsOfActors, importsOutOfOrder } from "./support/tidy/imports.ts";
import { packagesOutOfPlace } from "./support/tidy/packages.ts";
import { type Project, projectOf, readProject } from "./support/tidy/project.ts";
import { drawsElsewhere } from "./support/tidy/properties.ts";
import { brokenLinks, filesTooLong, foldersWithoutReadme, wordsOutOfPlace } from "./support/tidy/prose.ts";
import { streamsElsewhere } from "./support/tidy/streams.ts";
import { proseLinesTooLong, wordsReplaced } from "./support/tidy/words.ts";

// A rule reads every line of the project: seconds on a machine whose cores have other work.
setDefaultTimeout(60_000);

interface Rule {
  readonly promise: string;
  readonly find: (project: Project) => string[];
  /** A small project that breaks the rule, in every way that it can be broken, beside what is allowed. */
  readonly sample: Readonly<Record<string, string>>;
  readonly found: readonly string[];
}

const rules: readonly Rule[] = [
  {
    promise: "a folder imports only folders above it",
    find: importsOutOfOrder,
    sample: {
      "src/event/a.ts": 'import type { B } from "../store/b.ts";\nimport "../base/c.ts";\nimport "./d.ts";',
      "src/base/e.ts": 'export { x } from "../config/config.ts";\ntype T = import("../cli/millrace.ts").T;',
      "src/page/a.tsx": 'import "../client/f.ts";\nimport "./b.ts"; export const view = <p />;',
      "src/client/f.ts": 'import type { A } from "../event/a.ts";\nimport "../base/e.ts";',
      "src/service/start.ts": 'import "../http/server.ts";\nimport "../cli/serve.ts";',
      "src/cli/serve.ts": 'import "../service/start.ts";\nimport "../../bench/main.ts";\nimport "../../package.json";',
      "src/utils/g.ts": "",
      "src/store/sql/h.ts": 'import "../segment/i.ts";\nimport "../folder/j.ts";\nimport "../k.ts";',
      "src/store/hall/l.ts": 'import "../sql/h.ts";',
      "bench/main.ts": 'import "../src/event/a.ts";\nimport "../test/x.ts";',
      "test/x.ts": 'import "../bench/main.ts";\nimport "../src/base/e.ts";',
    },
    found: [
      "src/event/a.ts imports src/store/b.ts: store is not above event",
      "src/base/e.ts imports src/config/config.ts: config is not above base",
      "src/base/e.ts imports src/cli/millrace.ts: cli is not above base",
      "src/page/a.tsx imports src/client/f.ts: the page knows nothing of the rest",
      "src/client/f.ts imports src/base/e.ts: the client knows the event alone",
      "src/service/start.ts imports src/cli/serve.ts: cli is not above service",
      "src/cli/serve.ts imports bench/main.ts: src knows nothing of bench",
      "src/utils/g.ts: src/utils has no place in the order of folders",
      "src/store/sql/h.ts imports src/store/segment/i.ts: segment is not above sql",
      "src/store/hall/l.ts imports src/store/sql/h.ts: store/hall has no place in the order of rooms",
      "bench/main.ts imports test/x.ts: bench knows nothing of test",
    ],
  },
  {
    promise: "nobody imports the entry of a worker",
    find: importsOfActors,
    sample: {
      "src/http/a.ts":
        'import type { Shard } from "../shard/actor.ts";\nimport "../shard/protocol.ts";\nimport "../actor/host.ts";',
      "src/service/start.ts": 'new URL("../shard/actor.ts", import.meta.url);',
      "test/b.ts": 'await import("../src/keeper/actor.ts");',
    },
    found: ["src/http/a.ts imports src/shard/actor.ts", "test/b.ts imports src/keeper/actor.ts"],
  },
  {
    promise: "no file imports itself through others",
    find: importCycles,
    sample: {
      "src/base/a.ts": 'import "./b.ts";',
      "src/base/b.ts": 'import type { C } from "./c.ts";',
      "src/base/c.ts": 'import "./a.ts";\nimport "./d.ts";',
      "src/base/d.ts": "",
      "test/e.ts": 'import "./e.ts";\nimport "../src/base/c.ts";',
    },
    found: ["src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts", "test/e.ts -> test/e.ts"],
  },
  {
    promise: "a start installs what src imports, and nothing that only bench and test do",
    find: packagesOutOfPlace,
    sample: {
      "package.json": JSON.stringify({ dependencies: { a: "1", "@s/b": "1", c: "1" }, devDependencies: { d: "1" } }),
      "bench/package.json": JSON.stringify({ dependencies: { e: "1", gone: "1" } }),
      "test/package.json": JSON.stringify({ dependencies: { f: "1" } }),
      "src/base/a.ts":
        'import "a"; import "@s/b/part.js"; import "d"; import type { E } from "e"; import "node:fs"; import "bun";',
      "bench/b.ts": 'import "a"; import "c"; import "e/x.json"; import "f"; import "./c.ts";',
      "test/c.ts": 'import "a"; import "d"; import "e"; import "f"; await import("g"); import "bun:test";',
    },
    found: [
      "src/base/a.ts imports d, which is not in dependencies",
      "src/base/a.ts imports e, which is not in dependencies",
      "bench/b.ts imports f, which is not in dependencies or bench",
      "test/c.ts imports g, which is not in dependencies or bench or test or devDependencies",
      "package.json: c is installed at each start, and src does not import it",
      "bench/package.json: gone is unused",
    ],
  },
  {
    promise: "every file is used",
    find: deadFiles,
    sample: {
      "package.json": '{ "bin": "src/cli/millrace.ts", "scripts": { "bench": "exec bun bench/main.ts" } }',
      "src/cli/millrace.ts": 'import type { S } from "../service/start.ts";',
      "src/service/start.ts": 'new Worker(new URL("../shard/actor.ts", import.meta.url));',
      "src/shard/actor.ts": 'import "./flush.ts";',
      "src/shard/flush.ts": "",
      "src/shard/dead.ts": 'import "./also-dead.ts"; // new URL("./dead.ts", import.meta.url)',
      "src/shard/also-dead.ts": "",
      "bench/main.ts": "",
      "bench/dead.ts": "",
      "test/x.test.ts": 'import "../src/shard/dead.ts";',
    },
    found: ["src/shard/dead.ts", "src/shard/also-dead.ts", "bench/dead.ts"],
  },
  {
    promise: "every export has a docstring",
    find: exportsWithoutDocstring,
    sample: {
      "src/base/good.ts": [
        "/** Of the file. */",
        'import "./other.ts";',
        "/** Says. */ export const a = 1;",
        "const hidden = 1;",
        "/** Says. */ function b(): void {}",
        "export { b };",
        'export { elsewhere } from "./other.ts";',
        "/** Says. */ export function overloaded(x: string): void;",
        "export function overloaded(x: unknown): void {}",
        "/** Says. */ export interface Promised {",
        "  /** Says. */ kept(): void;",
        "  unsaid(): void;",
        "}",
        "/** Says. */ export class C implements Promised, Disposable {",
        "  constructor() {} #own() {} private old() {} protected inner() {} override toString() { return '' }",
        "  kept() {} [Symbol.dispose]() {}",
        "  get pair() { return 1 } set pair(x: number) {}",
        "}",
      ].join("\n"),
      "src/base/bad.ts": [
        "// Not a docstring.",
        "export const a = 1, b = 2;",
        "/** */ export type T = string;",
        "export interface I {}",
        "function f(): void {}",
        "export { f as g };",
        "/** Says. */ export class C implements Promised { unsaid() {} static make() {} async again() {} }",
      ].join("\n"),
    },
    found: [
      "src/base/bad.ts:2 a",
      "src/base/bad.ts:2 b",
      "src/base/bad.ts:3 T",
      "src/base/bad.ts:4 I",
      "src/base/bad.ts:7 C.unsaid",
      "src/base/bad.ts:7 C.make",
      "src/base/bad.ts:7 C.again",
      "src/base/bad.ts:5 g",
    ],
  },
  {
    promise: "every export of src is imported by somebody",
    find: exportsNobodyImports,
    sample: {
      "package.json": '{ "bin": "src/cli/millrace.ts" }',
      "src/cli/millrace.ts": 'export const entry = 1; new URL("../shard/actor.ts", import.meta.url);',
      "src/shard/actor.ts": "export function handle() {}",
      "src/base/a.ts":
        "export const used = 1, renamed = 2, unused = 3; export type U = 1; export type V = 2; export class W {}",
      "src/base/b.ts": "export const whole = 1;",
      "src/base/c.ts": "export const passedOn = 1; export function alone() { alone(); }",
      "src/base/d.ts": 'import { renamed as used } from "./a.ts"; export { passedOn as again } from "./c.ts";',
      "bench/main.ts": 'import { used } from "../src/base/a.ts"; let v: import("../src/base/a.ts").V;',
      "test/x.ts": 'import * as b from "../src/base/b.ts"; import type { U } from "../src/base/a.ts";',
    },
    found: ["src/base/a.ts unused", "src/base/a.ts W", "src/base/c.ts alone", "src/base/d.ts again"],
  },
  {
    promise: "every export has a name of its own, and one file that it comes from",
    find: exportsWithoutName,
    sample: {
      "src/base/a.ts": "export default function a() {}\nexport const b = 1;",
      "bench/b.ts": "const b = 1;\nexport default b;",
      "test/c.ts": 'const c = 1;\nexport { c as default };\nexport * from "./d.ts";\nexport { d } from "./d.ts";',
    },
    found: [
      "src/base/a.ts:1 default export",
      "bench/b.ts:2 default export",
      "test/c.ts:2 default export",
      "test/c.ts:3 export of all of another file",
    ],
  },
  {
    promise: "every folder of src explains itself",
    find: foldersWithoutReadme,
    sample: {
      "src/base/a.ts": "",
      "src/event/b.ts": "",
      "src/event/README.md": "Events.",
      "bench/main.ts": "",
      "src/x/y.txt": "",
    },
    found: ["src/base"],
  },
  {
    promise: "every link in a README leads somewhere",
    find: brokenLinks,
    sample: {
      "README.md":
        "[a](src/base) [b](src/base/) [c](./src/base/a.ts#L3) [d](#top) [e](https://x.y/z) ![f](docs/gone.png)",
      "src/base/a.ts": "",
      "src/base/README.md":
        '[a](../../README.md "Up") [b](b.ts)\n\n[c]: ../c.md\n<img src="d.svg">\n```\n[x](x.ts)\n```\n`[y](y.ts)`',
    },
    found: [
      "README.md: docs/gone.png",
      "src/base/README.md: b.ts",
      "src/base/README.md: ../c.md",
      "src/base/README.md: d.svg",
    ],
  },
  {
    promise: "no file of src is longer than 300 lines",
    find: filesTooLong,
    sample: {
      "src/base/long.ts": "//\n".repeat(301),
      "src/base/full.ts": "//\n".repeat(300),
      "test/long.ts": "//\n".repeat(301),
    },
    found: ["src/base/long.ts: 301 lines"],
  },
  {
    promise: "durable writes have one home",
    find: writesElsewhere,
    sample: {
      "src/base/durable.ts": 'openSync(path, "wx"); fsyncSync(descriptor);',
      "src/store/a.ts": [
        'openSync(path); openSync(path, "r"); openKept(path, constants.O_RDONLY | constants.O_NONBLOCK);',
        'openSync(path, "a"); openKept(path, flags);',
        "openSync(path, constants.O_RDONLY | constants.O_CREAT);",
        'fs.writeFileSync(path, ""); fdatasyncSync(descriptor);',
      ].join("\n"),
      "test/b.ts": 'writeFileSync(path, "");',
    },
    found: [
      "src/store/a.ts:2 openSync",
      "src/store/a.ts:2 openKept",
      "src/store/a.ts:3 openSync",
      "src/store/a.ts:4 writeFileSync",
      "src/store/a.ts:4 fdatasyncSync",
    ],
  },
  {
    promise: "no constructor acts",
    find: constructorsThatAct,
    sample: {
      "src/base/a.ts": [
        "class A {",
        "  #timer = setInterval(look, 1); #later = () => setTimeout(look, 1); #list = new Map();",
        "  constructor() { this.#pool = new Piscina({}); Bun.spawn([]); this.#open = () => openSync(path); }",
        "  static open() { return setTimeout(look, 1); }",
        "}",
      ].join("\n"),
      "test/b.ts": "class B { timer = setInterval(look, 1); }",
    },
    found: ["src/base/a.ts:2 setInterval", "src/base/a.ts:3 Piscina", "src/base/a.ts:3 spawn"],
  },
  {
    promise: "rows are streamed in one place, which knows a failure from an end",
    find: streamsElsewhere,
    sample: {
      "src/store/sql/duckdb.ts": "const result = await prepared.stream(); await result.fetchChunk();",
      "src/query/a.ts": [
        "Bun.file(fifo).stream(); new Blob([]).stream(); new Response(body).stream();",
        "const result = await statement.stream();",
        "await result.fetchChunk(); await result?.fetchAllChunks();",
        "await connection.streamAndReadAll(sql); connection.startStream(sql);",
        "for await (const rows of result.yieldRows()) take(rows);",
      ].join("\n"),
      "test/b.ts": "await connection.streamAndReadAll(sql);",
    },
    found: [
      "src/query/a.ts:2 stream",
      "src/query/a.ts:3 fetchChunk",
      "src/query/a.ts:3 fetchAllChunks",
      "src/query/a.ts:4 streamAndReadAll",
      "src/query/a.ts:4 startStream",
      "src/query/a.ts:5 yieldRows",
    ],
  },
  {
    promise: "properties draw the same values in every run, and others in a hunt",
    find: drawsElsewhere,
    sample: {
      "test/support/property.ts": 'import fc from "fast-check"; fc.configureGlobal({ seed, numRuns });',
      "test/event/a.test.ts": [
        'import { draws, fc } from "../support/property.ts";',
        "fc.assert(property, draws(20)); run({ seed: 1 }); fc.assert(property, { ...draws(20), examples: [[1]] });",
        "fc.assert(property, { numRuns: 20, seed: 1 });",
      ].join("\n"),
      "test/event/b.test.ts": 'import fc from "fast-check";',
    },
    found: [
      "test/event/a.test.ts:3 numRuns; call draws()",
      "test/event/a.test.ts:3 seed; call draws()",
      "test/event/b.test.ts imports fast-check; import test/support/property.ts",
    ],
  },
  {
    promise: "no path of one machine stands in the source, and nothing is left for later",
    find: wordsOutOfPlace,
    sample: {
      "src/base/a.ts": `const a = "/${"tmp"}/x";\nconst b = \`\${folder}/${"tmp"}/x\`; // segments/${"tmp"}/x`,
      "bench/b.ts": `// ${"TO"}DO later\nconst b = "/${"work"}/main"; // https://x.y/${"work"}/z`,
      "test/c.ts": `const mastodon = "/${"tmp"}/x"; // ${"FIX"}ME`,
      "src/README.md": `See /${"work"}/shared.`,
    },
    found: [
      `src/base/a.ts:1 /${"tmp"}/`,
      `bench/b.ts:1 ${"TO"}DO`,
      `bench/b.ts:2 /${"work"}/`,
      `test/c.ts:1 ${"FIX"}ME`,
      `src/README.md:1 /${"work"}/`,
    ],
  },
  {
    promise: "a line of a comment or of a page is read at one glance",
    find: proseLinesTooLong,
    sample: {
      "src/base/a.ts": [
        `/** ${"a".repeat(114)} */`,
        `/** ${"a".repeat(113)} */`,
        `const long = "// ${"a".repeat(120)}"; // short`,
        `const template = \`// ${"a".repeat(120)}\`;`,
        `  // ${"b".repeat(120)}`,
        "f();",
      ].join("\n"),
      "src/base/README.md": [
        "a".repeat(121),
        `| ${"a".repeat(121)} |`,
        "```",
        "a".repeat(121),
        "```",
        "a".repeat(120),
      ].join("\n"),
    },
    found: [
      "src/base/a.ts:1: 121 characters",
      "src/base/a.ts:5: 125 characters",
      "src/base/README.md:1: 121 characters",
    ],
  },
  {
    promise: "the glossary's words are used",
    find: wordsReplaced,
    sample: {
      "src/base/a.ts": `// Written an${"ew"}. There is no file. It is no longer here.\nconst a = "an${"ew"}";`,
      "test/b.ts": `/** The rows ${"set"} aside; this ${"is"} no row; so ${"many"} of them */\nf();`,
      "src/README.md": `Events from ${"else"}where.\n\n    an${"ew"}`,
    },
    found: [
      `src/base/a.ts:1: "an${"ew"}"; write: again`,
      `test/b.ts:1: "${"set"} aside"; write: quarantine, or: refused lines`,
      `test/b.ts:1: "${"is"} no row"; write: is not a`,
      `test/b.ts:1: "so ${"many"}"; write: this many, this much`,
      `src/README.md:1: "from ${"else"}where"; write: imported`,
    ],
  },
];

const project = readProject(join(import.meta.dir, ".."));

test("the project is read: its entries are there, and so is more than this file", () => {
  expect(project.modules.size).toBeGreaterThan(20);
  expect(project.entries.filter((entry) => !project.modules.has(entry))).toEqual([]);
});

for (const { promise, find, sample, found } of rules) {
  describe(promise, () => {
    test("and a project that breaks it is found out", () => {
      expect(find(projectOf(sample))).toEqual([...found]);
    });

    test("in this project", () => {
      expect(find(project)).toEqual([]);
    });
  });
}
