/** The service bound to few cores, and what an event costs each of its threads: where the main thread ends. */
import { readFileSync } from "node:fs";
import { barsOf, type FigureRow, figuresOf } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { batches, type Requests, singles } from "../load/requests.ts";
import { keeperOf } from "../system/family.ts";
import { cpuByKind, readThreads, type Thread } from "../system/threads.ts";
import { auditedTrial } from "../trial/trial.ts";

/** As in the scenarios of speed. */
const kinds = [
  { name: "single events", requests: singles(256) },
  { name: "batches", requests: batches(64) },
];

/** A load, as figures call it. */
type Kind = { name: string; requests: Requests };

/** One way to run the service. */
interface Variant {
  readonly side: string;
  readonly cores: number;
}

const seconds = { own: 10, quick: 3 };

/** On one core and on two. */
export const cores = scenario({
  name: "cores",
  summary: "the service bound to 1 and 2 cores: processor time of an event by thread",
  seconds,
  measure: (run) => measure(run, [coresOf(1), coresOf(2)]),
});

/** One load on one variant. */
interface Measured {
  readonly variant: Variant;
  readonly kind: Kind;
  readonly eventsPerSecond: number;
  /** By kind of thread, of one event. Microseconds. */
  readonly cpuUs: ReadonlyMap<string, number>;
}

async function measure(run: ScenarioRun, wished: Variant[]): Promise<Findings> {
  const told: Told = { audits: [], warnings: [] };
  const skipped: ScenarioResult["skipped"] = [];
  const taskset = Bun.which("taskset");
  const usable = allowedCores(readFileSync("/proc/self/status", "utf8"));
  const variants = wished.filter(({ side, cores: needed }) => {
    if (taskset !== null && usable.length >= needed) return true;
    const reason =
      taskset === null ? "taskset is not installed (Debian: util-linux)" : `there are ${usable.length} cores`;
    skipped.push({ side, reason });
    return false;
  });
  const rounds = await run.eachRound(async (round) => {
    const found: Measured[] = [];
    for (const kind of kinds)
      for (const variant of inTurn(variants, round)) {
        run.progress(`${run.name}: ${kind.name}, ${variant.side}`);
        const launcher = [taskset ?? "taskset", "--cpu-list", usable.slice(0, variant.cores).join(",")];
        found.push(await measureOne(run, { variant, kind, launcher }, told));
      }
    return found;
  });
  const figures = variants.flatMap((variant) =>
    kinds.flatMap((kind) => {
      const own = rounds.flat().filter((each) => each.variant === variant && each.kind === kind);
      return figuresOfVariant(variant, kind, own);
    }),
  );
  return {
    about: `Single events over 256 connections and batches of 100 over 64, ${run.seconds} s each, ${run.rounds} rounds; the service bound to the first cores by taskset, wrk free to run anywhere. Processor time is that of the service's process by thread, and of its keeper's, which has DuckDB, as a whole; without the one that merges segments. Workers in the order of their birth: the shards. Pool: the runtime's threads for files.`,
    figures,
    plots: kinds.map((kind) => plotOf(kind, figures)),
    skipped,
    audits: told.audits,
    warnings: [...new Set(told.warnings)],
  };
}

type Told = Pick<ScenarioResult, "audits" | "warnings">;

async function measureOne(
  run: ScenarioRun,
  { variant, kind, launcher }: { variant: Variant; kind: Kind; launcher: string[] },
  told: Told,
): Promise<Measured> {
  const { requests } = kind;
  const { found, audit, warnings } = await auditedTrial(run, { requests, launcher }, async (trial) => {
    const { pid } = trial.service;
    await trial.warmUp();
    const keeper = keeperOf(pid);
    const before = readThreads(pid);
    const keeperBefore = keeper === undefined ? [] : readThreads(keeper);
    const load = await trial.closedLoop({ seconds: run.seconds });
    const spent = cpuByKind(pid, { before, after: readThreads(pid) });
    if (keeper !== undefined) spent.set("keeper", sumOf(readThreads(keeper)) - sumOf(keeperBefore));
    const events = load.acknowledged * requests.eventsPerRequest;
    const cpuUs = new Map([...spent].map(([thread, cpuSeconds]) => [thread, (cpuSeconds * 1e6) / events]));
    return { eventsPerSecond: load.requestsPerSecond * requests.eventsPerRequest, cpuUs };
  });
  told.audits.push(audit);
  told.warnings.push(...warnings);
  return { variant, kind, ...found };
}

const sumOf = (threads: readonly Thread[]) => threads.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);

function figuresOfVariant({ side }: Variant, { name, requests }: Kind, found: readonly Measured[]): Figure[] {
  const { eventsPerRequest } = requests;
  const threads = [...new Set(found.flatMap(({ cpuUs }) => [...cpuUs.keys()]))];
  const mainUs = ({ cpuUs }: Measured) => cpuUs.get("main thread") ?? Number.NaN;
  return figuresOf({ side, eventsPerRequest, waitsFor: "fsync" }, found, [
    [name, "events/s", "higher", ({ eventsPerSecond }) => eventsPerSecond],
    [`${name}, most that the main thread allows`, "events/s", "higher", (each) => 1e6 / mainUs(each)],
    [`${name}, all threads`, "us", "lower", ({ cpuUs }) => cpuUs.values().reduce((sum, us) => sum + us, 0)],
    ...threads.map((thread): FigureRow<Measured> => {
      return [`${name}, ${thread}`, "us", "lower", ({ cpuUs }) => cpuUs.get(thread) ?? 0];
    }),
  ]);
}

function plotOf(kind: Kind, figures: readonly Figure[]): Plot {
  const shown = figures.filter(({ name, unit }) => unit === "us" && name.startsWith(`${kind.name}, `));
  const title = `Processor time of one event, ${kind.name}`;
  return barsOf({ title, unit: "us" }, shown, ({ side, name }) => `${side}: ${name.slice(kind.name.length + 2)}`);
}

/** The cores that this process may run on, out of /proc/self/status: `0-3,8`. */
export function allowedCores(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, place) => first + place);
  });
}

function coresOf(count: number): Variant {
  return { side: `millrace, ${count} ${count === 1 ? "core" : "cores"}`, cores: count };
}
