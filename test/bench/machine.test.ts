import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { percentile } from "../../bench/core/percentile.ts";
import { probeDisk } from "../../bench/system/disk-probe.ts";
import { fileSystemOf, readVersions } from "../../bench/system/machine.ts";
import { busyShareBetween, busyWarnings, parseProcessorTimes, stolenWarnings } from "../../bench/system/neighbours.ts";

test("the file system is that of the deepest mount over the folder", () => {
  const mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /ram tmpfs rw 0 0\n/dev/vdb /ram/disk xfs rw 0 0\n";
  expect(fileSystemOf(mounts, "/var/lib/x")).toBe("ext4");
  expect(fileSystemOf(mounts, "/ram/x")).toBe("tmpfs");
  expect(fileSystemOf(mounts, "/ram/disk")).toBe("xfs");
  expect(fileSystemOf(mounts, "/ramfile")).toBe("ext4");
});

test("versions are those that are installed", async () => {
  const versions = await readVersions();
  expect(versions).toMatchObject({ Bun: Bun.version });
  for (const name of ["DuckDB", "Elysia", "piscina"]) expect(versions[name]).toMatch(/^\d+\.\d+\.\d+/);
});

test("busy is what was neither idle nor waiting for a disk", () => {
  const before = parseProcessorTimes("cpu  100 0 50 1000 50 0 0 10 0 0\ncpu0 1 2 3\n");
  const after = parseProcessorTimes("cpu  120 0 60 1060 60 0 0 10 0 0\n");
  expect(before).toEqual({ all: 1_210, idle: 1_050, stolen: 10 });
  expect(busyShareBetween(before, after)).toBeCloseTo(0.3);
  expect(busyShareBetween(before, before)).toBe(0);
  expect(() => parseProcessorTimes("intr 1 2")).toThrow("no processor times");
});

test("a busy machine, and one whose host takes its time, are warned of; a quiet one is not", () => {
  expect(busyWarnings({ busyShare: 0.02, loadAverage: 0.1, cores: 2 })).toEqual([]);
  expect(busyWarnings({ busyShare: 0.5, loadAverage: 0.1, cores: 2 })).toHaveLength(1);
  expect(busyWarnings({ busyShare: 0.02, loadAverage: 3, cores: 2 })[0]).toContain("load average 3 on 2 cores");
  const before = { all: 0, idle: 0, stolen: 0 };
  expect(stolenWarnings(before, { all: 1_000, idle: 0, stolen: 10 })).toEqual([]);
  expect(stolenWarnings(before, { all: 1_000, idle: 0, stolen: 100 })[0]).toContain("10.0 %");
});

test("a percentile is a value that was there", () => {
  const values = Array.from({ length: 300 }, (_, nth) => 300 - nth);
  expect(percentile(values, 50)).toBe(150);
  expect(percentile(values, 99)).toBe(297);
  expect(percentile([7], 99)).toBe(7);
  expect(percentile([], 50)).toBeNaN();
});

test("the disk probe leaves nothing behind, and ends when it is interrupted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-probe-"));
  try {
    const { p50Ms, p99Ms } = await probeDisk(folder, new AbortController().signal);
    expect(p50Ms).toBeGreaterThan(0);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
    await expect(probeDisk(folder, AbortSignal.abort(new Error("interrupted")))).rejects.toThrow("interrupted");
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
