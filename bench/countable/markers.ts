/** Markers: single events with their own session, sent at random times beside a load and watched until they count. */
import { join } from "node:path";
import type { Histogram } from "hdr-histogram-js";
import { newHistogram, record } from "../load/latency.ts";
import { Schedule } from "../load/schedule.ts";
import { pause, together } from "../open-loop/beside.ts";
import type { SqlClient } from "../open-loop/sql-client.ts";
import type { Trial } from "../trial/trial.ts";
import { watchCatalog } from "./catalog-watch.ts";
import { epochMs, Sightings } from "./sightings.ts";

/** A few hundred in a load of half a minute, negligible beside its thousands of events a second. */
const markersPerSecond = 10;

/** A marker that is not seen this long after the load counts as missing: five flush intervals. ms */
const waitMsMax = 10_000;

/** Pause between two checks for awaited markers. ms */
const idleMs = 5;

/** What became of the markers. */
export type Marks = {
  /** From sending to the durable answer. */
  answered: Histogram;
  /** From sending to being counted by SQL over HTTP. */
  overHttp: Histogram;
  /** From sending to being counted by another process through the catalog. */
  onCatalog: Histogram;
  refused: number;
  /** Acknowledged, but not seen in time by one of the two readers. */
  missing: number;
};

/** Who sends, and who looks. */
export type MarkerPlan = { trial: Trial; client: SqlClient; prefix: string; seed: number };

/**
 * Sends markers until `over`, then waits for the last of them. Names start with `prefix`, which no other session does.
 * @throws Error one was answered neither 200 nor 503, or a reader failed
 */
export async function sendMarkers(plan: MarkerPlan, over: AbortSignal): Promise<Marks> {
  const marks = { answered: newHistogram(), refused: 0, acknowledged: 0 };
  const overHttp = new Sightings();
  const onCatalog = new Sightings();
  const seenAll = new AbortController();
  const catalogPath = join(plan.trial.service.dataDir, "millrace.duckdb");
  const onSeen = ({ session, atMs }: { session: string; atMs: number }) => onCatalog.see(session, atMs);
  await together(AbortSignal.any([seenAll.signal, plan.trial.signal]), [
    async (ends) => {
      await sendUntil(AbortSignal.any([over, ends]), { ...plan, marks, overHttp, onCatalog });
      await allSeen([overHttp, onCatalog], ends);
      seenAll.abort();
    },
    (ends) => countOverHttp(plan.client, overHttp, ends),
    (ends) => watchCatalog({ catalogPath, prefix: plan.prefix, onSeen }, ends),
  ]);
  plan.trial.note({ acknowledged: marks.acknowledged, unansweredMax: 0 });
  return {
    answered: marks.answered,
    refused: marks.refused,
    overHttp: overHttp.latencies,
    onCatalog: onCatalog.latencies,
    missing: new Set([...overHttp.awaited, ...onCatalog.awaited]).size,
  };
}

type Sending = MarkerPlan & {
  marks: { answered: Histogram; refused: number; acknowledged: number };
  overHttp: Sightings;
  onCatalog: Sightings;
};

async function sendUntil(over: AbortSignal, sending: Sending): Promise<void> {
  const schedule = new Schedule({ perSecond: markersPerSecond, seed: sending.seed });
  const startedMs = performance.now();
  const underWay: Promise<void>[] = [];
  for (let number = 0; ; number += 1, schedule.advance()) {
    await pause(startedMs + schedule.nextMs - performance.now(), over);
    if (over.aborted) break;
    underWay.push(sendOne(`${sending.prefix}${number}`, sending));
  }
  await Promise.all(underWay);
}

async function sendOne(marker: string, { trial, marks, overHttp, onCatalog }: Sending): Promise<void> {
  const { url, token } = trial.service;
  const sentMs = epochMs();
  // Registered before its answer: the catalog may show it before this process gets the answer.
  onCatalog.expect(marker, sentMs);
  const answer = await fetch(`${url}/api/v1/analytics`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ event_name: "marker", category: "system", session_id: marker }),
    signal: AbortSignal.any([trial.signal, AbortSignal.timeout(waitMsMax)]),
  });
  const text = await answer.text();
  if (answer.status === 503) {
    marks.refused += 1;
    onCatalog.forget(marker);
    return;
  }
  if (answer.status !== 200) throw new Error(`a marker was answered ${answer.status}: ${text}`);
  record(marks.answered, epochMs() - sentMs);
  marks.acknowledged += 1;
  overHttp.expect(marker, sentMs);
}

/** One query after another, each for all that are awaited: as many queries as markers would wait for each other. */
async function countOverHttp(client: SqlClient, sightings: Sightings, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const markers = sightings.awaited;
    if (markers.length === 0) {
      await pause(idleMs, over);
      continue;
    }
    const places = markers.map((_marker, index) => `$${index + 1}`).join(", ");
    const sql = `SELECT session_id, count(*) FROM events WHERE session_id IN (${places}) GROUP BY ALL`;
    const answer = await client.ask(sql, markers);
    if (answer.kind === "rows") for (const [session] of answer.rows) sightings.see(String(session), epochMs());
    else await pause(idleMs, over);
  }
}

/** Waits for the last ones, for a bounded time. */
async function allSeen(all: readonly Sightings[], ends: AbortSignal): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  const isAwaited = () => all.some(({ awaited }) => awaited.length > 0);
  while (isAwaited() && !ends.aborted && performance.now() < deadline) await pause(50, ends);
}
