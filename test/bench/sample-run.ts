/** A run that was never made, with a bit of everything. */
import type { Figure, Plot, Run, ScenarioResult } from "../../bench/core/result.ts";

/** A figure of Millrace, with what is given in the place of what is here. */
export function figure(given: Partial<Figure> = {}): Figure {
  return {
    side: "millrace",
    name: "events/s",
    unit: "events/s",
    better: "higher",
    samples: [41_000, 40_000, 43_000],
    eventsPerRequest: 1,
    waitsFor: "fsync",
    ...given,
  };
}

/** One plot of each kind. */
export const plots: Plot[] = [
  {
    kind: "percentiles",
    title: "Latency at half the capacity",
    lines: [
      {
        name: "millrace, 1 event a request",
        points: [0, 50, 90, 99, 99.9, 99.99, 99.999].map((p, i) => [p, 1.1 * 1.9 ** i]),
      },
      { name: "bare Bun.serve", points: [0, 50, 90, 99, 99.9, 99.99].map((p, i) => [p, 0.12 * 1.7 ** i]) },
      { name: "millrace, 100 events a request", points: [0, 50, 90, 99, 99.9].map((p, i) => [p, 2.2 * 2.2 ** i]) },
    ],
  },
  {
    kind: "over time",
    title: "Memory through an hour",
    unit: "MB",
    lines: [
      {
        name: "millrace",
        points: Array.from({ length: 3_600 }, (_, i) => [i, 280 + 60 * Math.sin(i / 40) + (i % 600 === 0 ? 90 : 0)]),
      },
      {
        name: "FastAPI and a Parquet writer, buffered in memory",
        points: Array.from({ length: 3_600 }, (_, i) => [i, 100 + i / 10]),
      },
    ],
  },
  {
    kind: "against size",
    title: "Events a second by events a request",
    xName: "events a request",
    unit: "events/s",
    lines: ["millrace", "bare Bun.serve", "Bun and SQLite", "FastAPI", "PostgreSQL", "one line a file", "InfluxDB"].map(
      (name, n) => ({
        name,
        points: [1, 10, 100].map((size) => [size, (40_000 / (n + 1)) * size ** 0.4]),
      }),
    ),
  },
  {
    kind: "bars",
    title: "Single events",
    unit: "events/s",
    bars: [
      { name: "millrace", value: 41_000, note: "answer waits for fsync" },
      { name: "bare Bun.serve", value: 98_000, note: "nothing kept" },
      { name: "Bun and SQLite, WAL, synchronous FULL, one transaction for each request", value: 3_100, note: "fsync" },
      { name: "<FastAPI & friends>", value: 0, note: "" },
    ],
  },
];

/** What a scenario found, with what is given in the place of what is here. */
export function result(given: Partial<ScenarioResult> = {}): ScenarioResult {
  return {
    scenario: "single-64",
    about: "One event a request over 64 connections, 10 s each side, three rounds.",
    figures: [
      figure(),
      figure({ side: "floor", samples: [98_000, 97_000, 101_000], waitsFor: "nothing kept" }),
      figure({ name: "share of floor", unit: "share", samples: [0.42, 0.41, 0.43] }),
      figure({ name: "p99", unit: "ms", better: "lower", samples: [4.21, 4.5, 3.9] }),
      figure({
        name: "memory peak",
        unit: "MB",
        better: "lower",
        samples: [380, 390, 385],
        eventsPerRequest: undefined,
        waitsFor: undefined,
      }),
    ],
    goals: [
      { side: "millrace", name: "share of floor", bound: { atLeast: 0.45 } },
      { side: "millrace", name: "memory peak", bound: { atMost: 600 } },
      { side: "millrace", name: "never looked at", bound: { atMost: 1 } },
    ],
    plots,
    warnings: ["the generator took 0.9 of a core"],
    audits: ["1,204,400 events acknowledged, stored, none twice"],
    skipped: [{ side: "influxdb", reason: "not installed here" }],
    ...given,
  };
}

/** The run itself, with what is given in the place of what is here. */
export function sampleRun(given: Partial<Run> = {}): Run {
  const sync = { p50Ms: 0.7, p99Ms: 2.31 };
  return {
    format: 1,
    record: {
      startedAt: "2026-01-02T03:04:05.000Z",
      seconds: 432.1,
      commit: "0123456789ab",
      machine: { processor: "A <fast> one", cores: 2, memoryGB: 25, kernel: "6.18", fileSystem: "ext4" },
      versions: { Bun: "1.4.5", DuckDB: "1.5.6" },
      settings: { seed: 1, ids: "server", quick: false },
      fdatasync: { before: sync, after: sync },
      warnings: ["The machine was busy before the start"],
    },
    results: [result()],
    failures: [{ scenario: "batch-64", kind: "audit", reason: "3 of 100 acknowledged events are lost" }],
    ...given,
  };
}
