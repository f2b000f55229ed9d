/** Makes a folder as a crash leaves it when much was accepted and nothing sealed, and measures the next start on it. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, ScenarioRun } from "../core/scenario.ts";
import { copySynced, filesIn, sealedEvents } from "../system/folder.ts";
import { lookDuring } from "../system/looks.ts";
import { Service } from "../system/service.ts";
import { auditService } from "../trial/ledger.ts";
import { fill } from "./fill.ts";

/** A folder with a backlog. */
export interface Backlog {
  readonly dataDir: string;
  /** Events accepted, none of them sealed. */
  readonly events: number;
  /** Bytes of the bodies that brought them. */
  readonly sentBytes: number;
  /** Bytes of the journal's files. */
  readonly journalBytes: number;
}

/** Result of the start after the crash. */
export interface Recovery {
  readonly readyMs: number;
  /** From the start of the process until the last event was in a segment. */
  readonly sealedSeconds: number;
  /** Between the first segment and the last one. */
  readonly sealedPerSecond: number;
  readonly segments: number;
  readonly segmentBytes: number;
  readonly audit: string;
}

/** Events sealed at a time, seconds from the start. */
export interface Sealed {
  readonly seconds: number;
  readonly events: number;
}

/** A segment is noticed within this time after it gets its name. ms */
const lookEveryMs = 5;

/** Longest start for each million events (ten times what it should take), and longest sealing after it. ms */
const startMsMaxPerMillion = 30_000;

/**
 * The flush interval seals nothing, and the buffer holds the largest backlog. The start after the crash has the same
 * settings, as in practice: with another interval, health would report events from before the crash as late, with a
 * 503.
 */
const env = { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_MAX_BUFFER_EVENTS: "100000000" };

/**
 * Fills a new folder with events that are not sealed, and kills the service. Sealing must fail meanwhile, because a
 * journal file is sealed once it has 24 MiB, whatever the interval. So the segments folder is removed; the next start
 * makes it again.
 */
async function makeBacklog(bench: Bench, wish: { events: number }): Promise<Backlog> {
  const dataDir = await mkdtemp(join(bench.folder, "backlog-"));
  await using service = await Service.start({ ...bench, dataDir, env });
  await rm(join(dataDir, "segments"), { recursive: true });
  const { events, bytes: sentBytes } = await fill(bench, service, wish).catch(async (error: unknown) => {
    throw await service.explain(error);
  });
  const { eventsPending } = await service.stats();
  if (eventsPending !== events) throw new Error(`of ${events} events ${events - eventsPending} do not wait`);
  await service.kill();
  return { dataDir, events, sentBytes, journalBytes: filesIn(join(dataDir, "journal")).bytes };
}

/** Makes a backlog for `work`, and removes it when that has ended. */
export async function withBacklog<T>(
  run: ScenarioRun,
  wish: { events: number },
  work: (backlog: Backlog) => Promise<T>,
): Promise<T> {
  run.progress(`${run.name}: ${wish.events} events are accepted and not sealed, then SIGKILL`);
  const backlog = await makeBacklog(run, wish);
  try {
    return await work(backlog);
  } finally {
    await rm(backlog.dataDir, { recursive: true, force: true });
  }
}

/**
 * Recovers a copy of one backlog in each round.
 * @throws AuditFailed as `recover`
 */
export function recoverInRounds(
  run: ScenarioRun,
  wish: { events: number },
): Promise<{ events: number; recoveries: Recovery[] }> {
  return withBacklog(run, wish, async (backlog) => {
    const recoveries = await run.eachRound(() => recoverCopy(run, backlog), `${backlog.events} events`);
    return { events: backlog.events, recoveries };
  });
}

async function recoverCopy(bench: Bench, backlog: Backlog): Promise<Recovery> {
  const dataDir = await mkdtemp(join(bench.folder, "recovery-"));
  try {
    await copySynced(backlog.dataDir, dataDir);
    return await recover(bench, { ...backlog, dataDir });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/**
 * Starts the service on a backlog, waits until everything is sealed, stops it and counts.
 * @throws AuditFailed it holds something else than was acknowledged before the crash
 */
export async function recover(bench: Bench, { dataDir, events }: Backlog): Promise<Recovery> {
  await using ending = new AsyncDisposableStack();
  const segments = join(dataDir, "segments");
  const startMsMax = startMsMaxPerMillion * Math.ceil(events / 1e6);
  const { result: service, looks } = await lookDuring(
    async (lookFailed) => {
      const signal = AbortSignal.any([bench.signal, lookFailed]);
      const started = ending.use(await Service.start({ ...bench, signal, dataDir, env, startMsMax }));
      await untilSealed(started, { signal, msMax: startMsMax });
      return started;
    },
    { everyMs: lookEveryMs, look: async () => sealedEvents(filesIn(segments).files) },
  );
  const course = looks.map(({ seconds, found }) => ({ seconds, events: found }));
  const { files, bytes } = filesIn(segments);
  return {
    readyMs: service.readyMs,
    sealedSeconds: course.find((look) => look.events >= events)?.seconds ?? Number.NaN,
    sealedPerSecond: sealingRate(course),
    segments: files.length,
    segmentBytes: bytes,
    audit: await auditService(service, { acknowledged: events, unansweredMax: 0 }),
  };
}

/**
 * Events a second between the first segment and the last. The time before the first segment is reading the journals,
 * not sealing. NaN if all segments came at once.
 */
export function sealingRate(course: readonly Sealed[]): number {
  const first = course.find(({ events }) => events > 0);
  const all = course.at(-1)?.events;
  const last = course.find(({ events }) => events === all);
  if (first === undefined || last === undefined || last.seconds <= first.seconds) return Number.NaN;
  return (last.events - first.events) / (last.seconds - first.seconds);
}

async function untilSealed(service: Service, { signal, msMax }: { signal: AbortSignal; msMax: number }): Promise<void> {
  const deadline = performance.now() + msMax;
  while ((await service.stats()).eventsPending > 0) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`events still wait to be sealed after ${msMax} ms`);
    await Bun.sleep(lookEveryMs);
  }
}
