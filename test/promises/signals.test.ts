/**
 * Whichever process of a README command gets the signal to end: what was accepted is sealed, and no process is left.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { queryFile, single } from "../support/catalog.ts";
import { Family, type Member } from "../support/family.ts";
import { readProc } from "../support/process.ts";
import { temporaryFolder } from "../support/rows.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(120_000);

const commands = {
  "bun run start": ["bun", "run", "start"],
  "npx bun@1.4.5 run start": ["npx", "bun@1.4.5", "run", "start"],
} as const;

type CommandName = keyof typeof commands;

/** Runs a command until it has accepted an event, ends it, and checks what it left. */
async function expectSealed(
  name: CommandName,
  { onTerminal, end }: { readonly onTerminal: boolean; readonly end: (family: Family) => void },
) {
  using folder = temporaryFolder();
  await using family = new Family({ command: commands[name], dataDir: folder.path, onTerminal });
  await family.accept();
  end(family);
  await family.gone();
  const events = await queryFile(join(folder.path, "millrace.duckdb"), "SELECT count(*) FROM events");
  expect({ events: single(events), text: family.text }).toMatchObject({ events: 1 });
  return family;
}

const toGroup = (signal: NodeJS.Signals) => (family: Family) => process.kill(-family.child.pid, signal);
const toOne = (member: Member, signal: NodeJS.Signals) => (family: Family) =>
  process.kill(family.pidOf(member), signal);

const ends: Record<CommandName, Record<string, (family: Family) => void>> = {
  "bun run start": {
    "SIGINT to the group": toGroup("SIGINT"),
    "SIGTERM to the group": toGroup("SIGTERM"),
    "SIGINT to the outer process": toOne("runner", "SIGINT"),
    "SIGTERM to the outer process": toOne("runner", "SIGTERM"),
    "SIGKILL to the outer process": toOne("runner", "SIGKILL"),
    "SIGTERM to the service": toOne("service", "SIGTERM"),
    "SIGTERM to the process that has DuckDB": toOne("keeper", "SIGTERM"),
  },
  "npx bun@1.4.5 run start": {
    "SIGINT to the group": toGroup("SIGINT"),
    "SIGTERM to the group": toGroup("SIGTERM"),
    "SIGTERM to npm": toOne("npm", "SIGTERM"),
    "SIGKILL to npm": toOne("npm", "SIGKILL"),
    "SIGTERM to npm's shell": toOne("shell", "SIGTERM"),
    "SIGTERM to the process between": toOne("runner", "SIGTERM"),
    "SIGTERM to the service": toOne("service", "SIGTERM"),
  },
};

describe.each(["bun run start", "npx bun@1.4.5 run start"] as const)("%s", (name) => {
  test.each(Object.entries(ends[name]))("%s: sealed, `stopped` is logged, no process is left", async (_what, end) => {
    const { text } = await expectSealed(name, { onTerminal: false, end });
    expect(text).toMatch(/"sealed":true,"msg":"stopped"/);
  });

  test("Ctrl-C at a terminal: sealed, `stopped` is logged, no process is left", async () => {
    const { text } = await expectSealed(name, { onTerminal: true, end: ({ child }) => child.terminal?.write("\x03") });
    expect(text).toMatch(/stopped/);
    expect(text).toMatch(/sealed.*: true/);
  });

  test("a terminal that is closed: sealed, no process is left", async () => {
    await expectSealed(name, { onTerminal: true, end: ({ child }) => child.terminal?.close() });
  });
});

test.each(Object.entries(commands))("a first start by `%s` prints commands that begin alike", async (name, command) => {
  using folder = temporaryFolder();
  await using family = new Family({ command, dataDir: folder.path, onTerminal: false, makesSecret: true });
  await family.listening();
  // On a machine with Node alone there is no `bun` to paste.
  const millrace = name.replace(/start$/, "millrace");
  expect(family.text).toContain(`\n  ${millrace} token --subject me\n`);
  expect(family.text).toContain(`Bearer $(${millrace} token --subject me)"`);
});

test.each([
  ["one marking thread", {}, "1"],
  ["as many as the caller says", { BUN_JSC_numberOfGCMarkers: "2" }, "2"],
])("`bun run start` gives the collector %s", async (_what, env, expected) => {
  using folder = temporaryFolder();
  await using family = new Family({ command: commands["bun run start"], dataDir: folder.path, onTerminal: false, env });
  await family.listening();
  const environment = readProc(`${family.pidOf("service")}/environ`).split("\0");
  expect(environment).toContain(`BUN_JSC_numberOfGCMarkers=${expected}`);
});

test("`bun run start` alone ends with 0 when all is sealed", async () => {
  const { child } = await expectSealed("bun run start", { onTerminal: false, end: toOne("runner", "SIGTERM") });
  expect(child.exitCode).toBe(0);
});

describe("a service that was sent into the background stays", () => {
  test.each([
    ["&", "bun run start &"],
    ["nohup", "nohup bun run start &"],
    ["nohup and npx", "nohup npx bun@1.4.5 run start &"],
    ["npx and &", "npx bun@1.4.5 run start &"],
  ])("by %s, when the shell that started it has ended", async (_what, line) => {
    using folder = temporaryFolder();
    // The shell waits for a file, so that the chain is complete before it ends.
    const flag = join(folder.path, "end-of-shell");
    const script = `${line} while [ ! -e ${flag} ]; do sleep 0.05; done`;
    await using family = new Family({
      command: ["sh", "-c", script],
      dataDir: join(folder.path, "data"),
      onTerminal: false,
    });
    await family.accept();
    await Bun.write(flag, "");
    await family.child.exited;
    if (line.startsWith("nohup")) process.kill(-family.child.pid, "SIGHUP");
    // Five looks after its parent, had it looked after the shell.
    const endMs = performance.now() + 1_000;
    await until(() => performance.now() > endMs, { what: "five looks", limitMs: 10_000 });
    await family.accept();
    expect(family.text).not.toContain('"msg":"stopping"');
    process.kill(family.pidOf("service"), "SIGTERM");
    await family.gone();
    const events = await queryFile(join(folder.path, "data/millrace.duckdb"), "SELECT count(*) FROM events");
    expect(single(events)).toBe(2);
  });
});
