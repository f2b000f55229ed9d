import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ClosedLoad } from "../../bench/closed-loop/closed-load.ts";
import { goals } from "../../bench/closed-loop/goals.ts";
import { findingsOf, type Round } from "../../bench/closed-loop/result.ts";
import { ledgerOf } from "../../bench/load/closed-loop.ts";
import { idsOf, writeBodies } from "../../bench/load/requests.ts";
import type { LoadResult } from "../../bench/load/wrk.ts";
import { complaintsAbout } from "../../bench/system/audit.ts";
import { fc } from "../support/property.ts";

const batches: ClosedLoad = {
  name: "batches",
  summary: "",
  form: "batch",
  connections: 64,
  eventsPerRequest: 100,
  seconds: { own: 10, quick: 2 },
  goals: [goals.share(0.22), goals.behind, goals.memoryFlat, goals.ready],
};

function load(requestsPerSecond: number, changed: Partial<LoadResult> = {}): LoadResult {
  const counts = { acknowledged: requestsPerSecond * 10, refused: 0, socketErrors: 0, timeouts: 0 };
  const sent = { made: requestsPerSecond * 10 + 65, repeated: 0, seconds: 10 };
  const percentiles = [
    [50, 1],
    [99, 2],
  ] as const;
  const latencies = { p50Ms: 1, p99Ms: 2, p999Ms: 3, longestMs: 4, percentiles };
  return { ...counts, ...sent, requestsPerSecond, ...latencies, cpuSeconds: 4, ...changed };
}

function round(floor: LoadResult, service: LoadResult): Round {
  const eventsPending = [0, 100_000, 200_000, 200_000, 200_000, 200_000];
  const course = { memoryMB: [100, 300, 310, 320, 330, 340], memoryPeakMB: 400, eventsPending, cpuSeconds: 12 };
  const looks = [0, 1, 2, 3, 4, 4.1].map((seconds) => ({ seconds, eventsTotal: 5_000 + seconds * 1_000 }));
  return { floor, service: { load: service, course, looks, readyMs: 250, duplicates: 7, audit: "all there" } };
}

const resultFor = (closedLoad: ClosedLoad, rounds: readonly Round[], ids: "server" | "client" = "server") =>
  findingsOf(closedLoad, { rounds, seconds: 10, connectionsAsked: 64, bench: { ids, warmUpSeconds: 2 } });

test("a share is taken within a round, in each round, and events a second count events", () => {
  const rounds = [round(load(10_000), load(2_000)), round(load(5_000), load(1_500)), round(load(8_000), load(2_000))];
  const { figures, audits } = resultFor(batches, rounds);
  const samples = (side: string, name: string) =>
    figures.find((figure) => figure.side === side && figure.name === name)?.samples;
  expect(samples("millrace", "share of floor")).toEqual([0.2, 0.3, 0.25]);
  expect(samples("floor", "events/s")).toEqual([1_000_000, 500_000, 800_000]);
  expect(samples("millrace", "events/s")).toEqual([200_000, 150_000, 200_000]);
  expect(samples("millrace", "seconds behind")?.[0]).toBe(1);
  expect(samples("millrace", "memory, last third to first")?.[0]).toBe(335 / 200);
  expect(samples("millrace", "processor, service")).toEqual([1.2, 1.2, 1.2]);
  expect(samples("floor", "processor, wrk")).toEqual([0.4, 0.4, 0.4]);
  expect(audits).toEqual(["all there", "all there", "all there"]);
});

test("each goal names one figure, and each figure has a value of each round", () => {
  const result = resultFor({ ...batches, repeats: { every: 5, within: 10 } }, [
    round(load(8_000), load(2_000)),
    round(load(8_000), load(2_000)),
  ]);
  for (const { side, name } of result.goals)
    expect(result.figures.filter((figure) => figure.side === side && figure.name === name)).toHaveLength(1);
  expect(new Set(result.figures.map(({ side, name }) => `${side} ${name}`)).size).toBe(result.figures.length);
  for (const { samples } of result.figures) expect(samples.filter(Number.isFinite)).toHaveLength(2);
});

test("the backlog is as old as the new events in it, and repeats are not in it", () => {
  const repeating = load(2_000, { made: 10_000, repeated: 10_000 });
  const { figures } = resultFor({ ...batches, repeats: { every: 2, within: 10 } }, [round(load(8_000), repeating)]);
  expect(figures.find(({ name }) => name === "seconds behind")?.samples).toEqual([2]);
});

test("events over time are rates between looks, without the stretch at the end that is too short", () => {
  const { plots } = resultFor(batches, [round(load(8_000), load(2_000))]);
  const rates = plots.find(({ title }) => title === "New events acknowledged");
  expect(rates).toMatchObject({ lines: [{ points: [1, 2, 3, 4].map((seconds) => [seconds, 1_000]) }] });
  expect(plots[0]).toMatchObject({ kind: "percentiles", lines: [{ name: "millrace" }, { name: "floor" }] });
});

test("a reader is warned of a generator at its limit, of refusals, and of what was not as asked for", () => {
  const calm = [round(load(8_000), load(2_000))];
  expect(resultFor(batches, calm).warnings).toEqual([]);
  const warned = (closedLoad: ClosedLoad, rounds: readonly Round[]) =>
    resultFor(closedLoad, rounds, "client").warnings.join("; ");
  expect(warned(batches, [round(load(8_000, { cpuSeconds: 9.5 }), load(2_000))])).toContain("95 % of a core");
  expect(warned(batches, [round(load(8_000), load(2_000, { refused: 3 }))])).toBe(
    "3 requests were refused by the service: events/s counts only the others",
  );
  expect(warned({ ...batches, connections: 10 }, calm)).toContain("only 10 connections of 64");
  expect(warned({ ...batches, encoding: "gzip" }, calm)).toContain("the server makes the ids");
});

test("repeats have ids of clients, compressed bodies of the server, others as asked for", () => {
  const repeats = { every: 5, within: 10 };
  expect([idsOf({ ...batches, repeats }, "server"), idsOf({ ...batches, encoding: "gzip" }, "client")]).toEqual([
    "client",
    "server",
  ]);
  expect([idsOf(batches, "server"), idsOf(batches, "client")]).toEqual(["server", "client"]);
});

test("compressed bodies are written as digits, and are the batch that they should be", async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bodies-"));
  try {
    const from = { seed: 1, ids: "server", folder } as const;
    const small: ClosedLoad = { ...batches, eventsPerRequest: 10, encoding: "gzip" };
    const lines = (await Bun.file(await writeBodies(small, from)).text()).trimEnd().split("\n");
    expect(lines).toHaveLength(500);
    for (const line of lines.slice(0, 5)) {
      expect(line).toMatch(/^([0-9a-f]{2})+$/);
      expect(JSON.parse(gunzipSync(Buffer.from(line, "hex")).toString()).events).toHaveLength(10);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("without repeats each answer is for events of its own, and each connection may keep one to itself", () => {
  const loads = [load(10, { socketErrors: 2 }), load(20)];
  expect(ledgerOf(loads, batches)).toEqual({ acknowledged: 30_000, unansweredMax: 13_000 });
});

/**
 * A client's course: each request is new or repeats an earlier one, reaches the server or not, and is answered or not.
 */
const courses = fc.array(
  fc.record({ repeatOf: fc.option(fc.nat(), { freq: 2 }), arrives: fc.boolean(), isAnswered: fc.boolean() }),
  { minLength: 1, maxLength: 60 },
);

test("with repeats the audit accepts every server that stores each request once, whatever is left unanswered", () => {
  fc.assert(
    fc.property(courses, (course) => {
      const { counts, stored } = followed(course);
      const ledger = ledgerOf([counts], { connections: 1, eventsPerRequest: 1, repeats: { every: 2, within: 60 } });
      expect(complaintsAbout({ ...ledger, counted: stored, stored, distinct: stored })).toEqual([]);
    }),
  );
});

test("with repeats, and all of them answered, the audit misses no lost event and none too many", () => {
  fc.assert(
    fc.property(courses, (course) => {
      const all = course.map((request) => ({ ...request, arrives: true, isAnswered: true }));
      const { counts, stored } = followed(all);
      const ledger = ledgerOf([counts], { connections: 1, eventsPerRequest: 1, repeats: { every: 2, within: 60 } });
      for (const found of [stored - 1, stored + 1])
        expect(complaintsAbout({ ...ledger, counted: stored, stored: found, distinct: found })).not.toEqual([]);
    }),
  );
});

type Request = { repeatOf: number | null; arrives: boolean; isAnswered: boolean };

function followed(course: readonly Request[]) {
  const stored = new Set<number>();
  const counts = { acknowledged: 0, socketErrors: 0, made: 0, repeated: 0 };
  for (const { repeatOf, arrives, isAnswered } of course) {
    const isRepeat = repeatOf !== null && counts.made > 0;
    const number = isRepeat ? repeatOf % counts.made : counts.made;
    if (isRepeat) counts.repeated += 1;
    else counts.made += 1;
    if (arrives) stored.add(number);
    if (arrives && isAnswered) counts.acknowledged += 1;
  }
  return { counts, stored: stored.size };
}
