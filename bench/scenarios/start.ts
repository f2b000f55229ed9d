/** How long a start takes, with nothing stored and with much, and what of it is the runtime's. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { barsOf, countText, figuresOf, goal } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import { type Bench, type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { makeStored, type Stored } from "../storage/stored.ts";
import { AuditFailed } from "../system/audit.ts";
import { cliPath, Service, startFloor } from "../system/service.ts";

/** A start is short, and the machine's noise long: many of them. */
const rounds = { own: 10, quick: 3 };

/** What nobody notices in a deployment, and what a rolling restart can bear. ms */
const readyMsMax = { empty: 400, full: 1_000 };

/** Starts on an empty folder and on ten million events. */
export const start = scenario({
  name: "start",
  summary: "from the start of the process to the first healthy answer, empty and full",
  rounds,
  events: { own: 10_000_000, quick: 1_000_000 },
  measure,
});

/** The same with a hundred million events, which take minutes to make and 12 GB of disk meanwhile. */
export const startLarge = scenario({
  name: "start-large",
  summary: "the same as start with a hundred million events; only when it is asked for",
  rounds,
  events: { own: 100_000_000, quick: 100_000_000 },
  measure,
});

/** One start of each kind. ms */
interface Starts {
  /** A program of the runtime that does nothing, from its start to its end. */
  readonly bunMs: number;
  /** `millrace --version`: what every command loads. */
  readonly commandMs: number;
  /** A bare server of the runtime to its first answer. */
  readonly floorMs: number;
  readonly empty: { readonly listeningMs: number; readonly readyMs: number };
  readonly full: { readonly listeningMs: number; readonly readyMs: number };
}

async function measure(run: ScenarioRun): Promise<Findings> {
  const { events, rounds } = run;
  await using full = await makeStored(run, { events, isCompacted: true });
  const found = await run.eachRound((round) => startAll(run, full, round));
  const fullName = `ready, ${countText(events)} events stored`;
  const figures = [
    ...figuresOf({}, found, [
      [emptyName, "ms", "lower", (starts) => starts.empty.readyMs],
      [fullName, "ms", "lower", (starts) => starts.full.readyMs],
    ]),
    ...figuresOf({ side: "bun" }, found, [
      ["a program that does nothing", "ms", "lower", ({ bunMs }) => bunMs],
      ["Bun.serve, first answer", "ms", "lower", ({ floorMs }) => floorMs],
    ]),
    ...figuresOf({}, found, [
      ["command line alone", "ms", "lower", ({ commandMs }) => commandMs],
      ["listening, empty folder", "ms", "lower", ({ empty }) => empty.listeningMs],
    ]),
  ];
  const title = "Where the time of a start goes";
  return {
    about: `From the start of the process to the first healthy answer, ${rounds} rounds, both folders in turn in each; the folders are in the page cache. Looked at every 5 ms.`,
    figures,
    goals: [goal(emptyName, { atMost: readyMsMax.empty }), goal(fullName, { atMost: readyMsMax.full })],
    plots: [barsOf({ title, unit: "ms" }, figures, ({ side, name }) => `${side}: ${name}`)],
    audits: [`each start counted what is stored: 0, and ${countText(events)} events`],
  };
}

const emptyName = "ready, empty folder";

async function startAll(bench: Bench, full: Stored, round: number): Promise<Starts> {
  const bunMs = await timeToEnd([process.execPath, "--eval", "0"], bench.signal);
  const commandMs = await timeToEnd([process.execPath, cliPath, "--version"], bench.signal);
  const floorMs = await timeFloor(bench);
  const newDir = await mkdtemp(join(bench.folder, "empty-"));
  const unknown = { listeningMs: Number.NaN, readyMs: Number.NaN };
  const starts = { bunMs, commandMs, floorMs, empty: unknown, full: unknown };
  try {
    for (const side of inTurn(["empty", "full"] as const, round))
      starts[side] = await timeService(bench, side === "full" ? full : { dataDir: newDir, events: 0 });
    return starts;
  } finally {
    await rm(newDir, { recursive: true, force: true });
  }
}

async function timeService(bench: Bench, on: Pick<Stored, "dataDir" | "events">): Promise<Starts["full"]> {
  await using service = await Service.start({ ...bench, dataDir: on.dataDir });
  const { listeningMs, readyMs } = service;
  const { totalEvents } = await service.stats();
  if (totalEvents !== on.events) throw new AuditFailed([`a start counted ${totalEvents} of ${on.events} events`]);
  await service.stop();
  return { listeningMs, readyMs };
}

async function timeFloor(bench: Bench): Promise<number> {
  const startedMs = performance.now();
  await using floor = await startFloor(bench);
  const answer = await fetch(floor.url, { method: "POST", body: "{}", signal: bench.signal });
  await answer.text();
  return performance.now() - startedMs;
}

async function timeToEnd(command: string[], signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  const run = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore", signal });
  await run.exited;
  const ms = performance.now() - startedMs;
  signal.throwIfAborted();
  if (run.exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${run.exitCode ?? run.signalCode}`);
  return ms;
}
