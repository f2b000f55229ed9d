/** Whoever opens the catalog, whenever, is let in, and sees each event once. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { spawn } from "../support/process.ts";
import { startService, testMsMax } from "../support/service.ts";
import { patience, until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const reading = Type.Union([
  Type.Object({ rows: Type.Integer(), ids: Type.Integer() }),
  Type.Object({ error: Type.String() }),
]);

/** Long enough for dozens of flushes and for segments to be merged, if they are. */
const ingestMs = 3_000;

/** More states of the catalog than this were seen by each reader: it really did look while the catalog changed. */
const looksMin = 5;

test("a reader in another process is never refused and never sees an event twice, or go, during heavy ingest", async () => {
  await using service = await startService();
  const program = join(import.meta.dirname, "../support/catalog-reader.ts");
  const readers = [0, 1].map(() =>
    spawn([process.execPath, "--no-orphans", program, service.catalogPath], { env: {} }),
  );
  try {
    const endMs = Date.now() + ingestMs;
    const seen = (text: string) => new Set([...text.matchAll(/"rows":(\d+)/g)].map(([, rows]) => rows)).size;
    // On a busy machine a reader takes seconds for a look, and has looked often enough later.
    const isOver = () =>
      Date.now() > endMs + ingestMs * patience ||
      (Date.now() > endMs && readers.every(({ stdout }) => seen(stdout.text) > looksMin));
    const batch = Array(100).fill({ event_name: "heavy", properties: { text: "x".repeat(100) } });
    const write = async () => {
      let sent = 0;
      while (!isOver()) sent += (await service.batch(batch)).events_queued;
      return sent;
    };
    const sent = (await Promise.all([write(), write(), write(), write()])).reduce((sum, count) => sum + count, 0);
    await service.waitSealed();
    // Each reader sees all of it in the end.
    const lines = (text: string) => text.split("\n").slice(0, -1);
    await until(() => readers.every(({ stdout }) => lines(stdout.text).at(-1)?.includes(`:${sent},`)), {
      what: `both readers to count ${sent}`,
      limitMs: 10_000,
      state: () => readers.map(({ stdout, stderr }) => `${lines(stdout.text).at(-1)} ${stderr.text}`).join("\n"),
    });
    for (const { stdout } of readers) {
      const readings = lines(stdout.text).map((line) => shaped(reading, JSON.parse(line)));
      expect(readings.filter((one) => "error" in one)).toEqual([]);
      const counts = readings.filter((one) => "rows" in one);
      expect(counts.filter(({ rows, ids }) => rows !== ids)).toEqual([]);
      expect(counts.filter(({ rows }, at) => rows < (counts[at - 1]?.rows ?? 0))).toEqual([]);
      expect(new Set(counts.map(({ rows }) => rows)).size).toBeGreaterThan(looksMin);
    }
  } finally {
    for (const { child } of readers) child.kill("SIGKILL");
  }
});

test("a reader that holds the catalog open does not hold the service up, and keeps its view", async () => {
  await using service = await startService();
  await service.batch(Array(10).fill({ event_name: "held" }));
  await service.waitSealed();
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(service.catalogPath, { access_mode: "READ_ONLY" });
  try {
    const connection = await instance.connect();
    const count = async () => Number((await connection.runAndReadAll("SELECT count(*) FROM events")).getRows()[0]?.[0]);
    expect(await count()).toBe(10);
    for (let round = 1; round <= 5; round++) {
      await service.batch(Array(10).fill({ event_name: "held" }));
      await service.waitSealed();
      expect(await count()).toBe(10);
    }
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
  expect(await service.count()).toBe(60);
});
