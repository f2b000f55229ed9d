/** The service on a disk whose syncs are slow: how many events still get through, and what their clients wait for. */
import { type FigureRow, figuresOf } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { batches, type Requests, singles } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { eachInTurn } from "../trial/rounds.ts";
import { auditedTrial } from "../trial/trial.ts";

/** What is added to each sync: a disk over a network, and one that turns. ms */
const delaysMs = [5, 20];

/** As in the scenarios of speed. */
const kinds: readonly { name: string; requests: Requests }[] = [
  { name: "single events", requests: singles(256) },
  { name: "batches", requests: batches(64) },
];

/** One load on one disk. */
type Case = { kind: (typeof kinds)[number]; delayMs: number };
const cases: readonly Case[] = kinds.flatMap((kind) => delaysMs.map((delayMs) => ({ kind, delayMs })));

/** Single events and batches, each with a sync that takes 5 and 20 ms longer. */
export const slowDisk = scenario({
  name: "slow-disk",
  summary: "single events and batches where each sync takes 5 and 20 ms longer (strace delays the call)",
  // Long enough for some flushes, which sync too.
  seconds: { own: 10, quick: 3 },
  missing: straceMissing,
  measure,
});

/** Why no call can be delayed here; undefined if one can. */
function straceMissing(): string | undefined {
  if (Bun.which("strace") === null) return "strace is not installed (Debian: strace)";
  const tried = Bun.spawnSync([...delayed(0), "true"], { stderr: "pipe" });
  return tried.success ? undefined : `strace was refused: ${tried.stderr.toString().trim()}`;
}

/**
 * A command that runs another and delays its syncs. The tracer is a grandchild (`-D`), so that the process that was
 * started is the service itself; the kernel stops only the calls that are delayed (`--seccomp-bpf`).
 */
function delayed(delayMs: number): string[] {
  const calls = "fsync,fdatasync";
  const tracing = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`];
  return [...tracing, ...(delayMs > 0 ? ["-e", `inject=${calls}:delay_enter=${delayMs * 1_000}`] : [])];
}

async function measure(run: ScenarioRun): Promise<Findings> {
  const { found: rounds, ...told } = await eachInTurn(run, cases, ({ kind, delayMs }) => {
    run.progress(`  ${kind.name}, syncs ${delayMs} ms longer`);
    return auditedTrial(run, { requests: kind.requests, launcher: delayed(delayMs) }, async (trial) => {
      await trial.warmUp();
      return await trial.closedLoop({ seconds: run.seconds });
    });
  });
  return {
    about: `Single events over 256 connections and batches of 100 over 64 (wrk), ${run.seconds} s each after ${run.warmUpSeconds} s of warm-up, ${run.rounds} rounds, each on a service of its own. strace holds each fsync and fdatasync of all its processes for 5 and for 20 ms before it is made.`,
    figures: cases.flatMap((each) => {
      const { kind, delayMs } = each;
      const { eventsPerRequest } = kind.requests;
      const of = `${kind.name}, syncs ${delayMs} ms longer`;
      const loads = rounds.flatMap((round) => round.get(each) ?? []);
      const rows: FigureRow<LoadResult>[] = [
        [of, "events/s", "higher", ({ requestsPerSecond }) => requestsPerSecond * eventsPerRequest],
        [`p50 of ${of}`, "ms", "lower", ({ p50Ms }) => p50Ms],
        [`p99 of ${of}`, "ms", "lower", ({ p99Ms }) => p99Ms],
      ];
      return figuresOf({ eventsPerRequest, waitsFor: "fsync" }, loads, rows);
    }),
    ...told,
  };
}
