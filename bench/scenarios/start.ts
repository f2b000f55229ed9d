/** How long a start takes, with nothing stored and with much, and what of it is the runtime's. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { median } from "../core/method.ts";
import type { Figure, ScenarioResult } from "../core/result.ts";
import type { Bench, Scenario } from "../core/scenario.ts";
import { makeStored, type Stored } from "../storage/stored.ts";
import { AuditFailed } from "../system/audit.ts";
import { cliPath, Service, startFloor } from "../system/service.ts";

/** A start is short, and the machine's noise long: many of them. */
const rounds = { own: 10, quick: 3 };

const stored = { own: 10_000_000, quick: 1_000_000, large: 100_000_000 };

/** What nobody notices in a deployment, and what a rolling restart can bear. ms */
const readyMsMax = { empty: 400, full: 1_000 };

/** Starts on an empty folder and on ten million events. */
export const start: Scenario = {
  name: "start",
  summary: "from the start of the process to the first healthy answer, empty and full",
  run: (bench) => run(bench, { scenario: start, events: bench.isQuick ? stored.quick : stored.own }),
};

/** The same with a hundred million events, which take minutes to make and 12 GB of disk meanwhile. */
export const startLarge: Scenario = {
  name: "start-large",
  summary: "the same as start with a hundred million events; only when it is asked for",
  run: (bench) => run(bench, { scenario: startLarge, events: stored.large }),
};

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

async function run(bench: Bench, wish: { scenario: Scenario; events: number }): Promise<ScenarioResult> {
  const events = bench.events ?? wish.events;
  const roundsDue = bench.rounds ?? (bench.isQuick ? rounds.quick : rounds.own);
  await using full = await makeStored(bench, { events, isCompacted: true });
  const found: Starts[] = [];
  for (let round = 0; round < roundsDue; round += 1) {
    bench.progress(`${wish.scenario.name}: round ${round + 1} of ${roundsDue}`);
    found.push(await startAll(bench, { full, isFullFirst: round % 2 === 1 }));
  }
  const fullName = `ready, ${events.toLocaleString("en-US")} events stored`;
  const figure = (side: string, name: string, pick: (starts: Starts) => number): Figure => {
    const shared = { unit: "ms", better: "lower", eventsPerRequest: undefined, waitsFor: undefined } as const;
    return { ...shared, side, name, samples: found.map(pick) };
  };
  const figures = [
    figure("millrace", emptyName, ({ empty }) => empty.readyMs),
    figure("millrace", fullName, (starts) => starts.full.readyMs),
    figure("bun", "a program that does nothing", ({ bunMs }) => bunMs),
    figure("bun", "Bun.serve, first answer", ({ floorMs }) => floorMs),
    figure("millrace", "command line alone", ({ commandMs }) => commandMs),
    figure("millrace", "listening, empty folder", ({ empty }) => empty.listeningMs),
  ];
  return {
    scenario: wish.scenario.name,
    about: `From the start of the process to the first healthy answer, ${roundsDue} rounds, both folders in turn in each; the folders are in the page cache. Looked at every 5 ms.`,
    figures,
    goals: [
      { side: "millrace", name: emptyName, bound: { atMost: readyMsMax.empty } },
      { side: "millrace", name: fullName, bound: { atMost: readyMsMax.full } },
    ],
    plots: [
      {
        kind: "bars",
        title: "Where the time of a start goes",
        unit: "ms",
        bars: figures.map(({ side, name, samples }) => ({
          name: `${side}: ${name}`,
          value: median(samples),
          note: "",
        })),
      },
    ],
    warnings: [],
    audits: [`each start counted what is stored: 0, and ${events.toLocaleString("en-US")} events`],
    skipped: [],
  };
}

const emptyName = "ready, empty folder";

async function startAll(bench: Bench, { full, isFullFirst }: { full: Stored; isFullFirst: boolean }): Promise<Starts> {
  const bunMs = await timeToEnd([process.execPath, "--eval", "0"], bench.signal);
  const commandMs = await timeToEnd([process.execPath, cliPath, "--version"], bench.signal);
  const floorMs = await timeFloor(bench);
  const onFull = () => timeService(bench, full);
  const before = isFullFirst ? await onFull() : undefined;
  const newDir = await mkdtemp(join(bench.folder, "empty-"));
  try {
    const empty = await timeService(bench, { dataDir: newDir, events: 0 });
    return { bunMs, commandMs, floorMs, empty, full: before ?? (await onFull()) };
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
