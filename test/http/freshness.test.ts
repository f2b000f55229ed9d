/** How fresh the catalog is: told by itself, by health and by the metrics alike, and true. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const healthMarks = Type.Object({
  freshness: Type.Array(
    Type.Object({
      shard: Type.Union([Type.Integer(), Type.Null()]),
      watermark: Type.String(),
      rows: Type.Integer(),
      segments: Type.Integer(),
      bytes: Type.Integer(),
    }),
  ),
});

const marks = `SELECT coalesce(shard::VARCHAR, 'all') AS shard, epoch_ms(watermark)::VARCHAR AS watermark,
  rows::VARCHAR AS rows, segments::VARCHAR AS segments, bytes::VARCHAR AS bytes FROM freshness ORDER BY shard`;

test("the view freshness, health and the metrics tell the same of each shard and of all", async () => {
  await using service = await startService();
  for (let batch = 0; batch < 3; batch++) await service.batch(Array(10).fill({ event_name: "fresh" }));
  await service.waitSealed();
  // A catalog may follow between two of the questions: they are put again until none did.
  const told = await until(
    async () => {
      const before = JSON.stringify(await service.rows(marks));
      const { freshness } = shaped(healthMarks, await (await service.health()).json());
      const metrics = await service.metricsText();
      return JSON.stringify(await service.rows(marks)) === before ? { before, freshness, metrics } : undefined;
    },
    { what: "a moment without a new catalog", limitMs: 20_000, everyMs: 20 },
  );
  const view = JSON.parse(told.before);
  expect(view.find(({ shard }: { shard: string }) => shard === "all").rows).toBe("30");
  const health = told.freshness.map(({ shard, watermark, rows, segments, bytes }) => ({
    shard: String(shard ?? "all"),
    watermark: String(Date.parse(watermark)),
    rows: String(rows),
    segments: String(segments),
    bytes: String(bytes),
  }));
  expect(health.toSorted((a, b) => a.shard.localeCompare(b.shard))).toEqual(view);
  const gauge = (name: string, shard: string) =>
    Number(told.metrics.match(new RegExp(`^${name}\\{shard="${shard}"\\} (\\S+)$`, "m"))?.[1]);
  for (const mark of view) {
    expect(gauge("millrace_watermark_timestamp_seconds", mark.shard)).toBeCloseTo(Number(mark.watermark) / 1000, 3);
    expect(gauge("millrace_segment_rows", mark.shard)).toBe(Number(mark.rows));
    expect(gauge("millrace_segments", mark.shard)).toBe(Number(mark.segments));
    expect(gauge("millrace_segment_bytes", mark.shard)).toBe(Number(mark.bytes));
  }
});

test("every event that was answered before the watermark is in the catalog that tells it, at any time during ingest", async () => {
  await using service = await startService();
  const answered: { id: string; atMs: number }[] = [];
  const endMs = Date.now() + 4_000;
  let isOver = false;
  const write = async () => {
    while (!isOver) {
      const { event_id: id } = await service.track({ event_name: "answered" });
      answered.push({ id, atMs: Date.now() });
    }
  };
  const read = async () => {
    // On a machine that is busy a look may take seconds.
    for (let looks = 0; looks <= 3 || Date.now() < endMs; ) {
      const [row] = await service.rows(
        "SELECT (SELECT epoch_ms(watermark) FROM freshness WHERE shard IS NULL)::VARCHAR AS mark, string_agg(event_id::VARCHAR, ' ') AS ids FROM events",
      );
      const ids = new Set(String(row?.["ids"] ?? "").split(" "));
      const missing = answered.filter(({ id, atMs }) => atMs < Number(row?.["mark"]) && !ids.has(id));
      expect(missing).toEqual([]);
      if (ids.size > 10) looks++;
    }
  };
  await Promise.all([
    write(),
    write(),
    read().finally(() => {
      isOver = true;
    }),
  ]);
});
