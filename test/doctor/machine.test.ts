/** What the doctor says of a machine, for each thing that can be amiss with it. */
import { describe, expect, test } from "bun:test";
import { findingLine } from "../../src/doctor/finding.ts";
import { type MachineReading, machineFindings } from "../../src/doctor/machine.ts";

const GiB = 1024 ** 3;

const well: MachineReading = {
  bunVersion: "1.4.5",
  bunWanted: ">=1.4.5",
  descriptorsMax: 65_536,
  memoryBytes: 4 * GiB,
  fileSystem: "ext4",
  freeBytes: 50 * GiB,
  files: { free: 1_000_000, all: 2_000_000 },
  nowMs: Date.parse("2026-11-26T12:00:00Z"),
  isClockSynchronized: true,
};

const wrong = (change: Partial<MachineReading>) =>
  machineFindings({ ...well, ...change }).flatMap((finding) =>
    finding.level === "ok" ? [] : [`${finding.level} ${finding.about}`],
  );

test("a machine that is well needs nobody, and each check has its line", () => {
  expect(wrong({})).toEqual([]);
  expect(machineFindings(well).map(({ about }) => about)).toEqual([
    "Bun",
    "descriptors",
    "memory",
    "file system",
    "disk space",
    "files",
    "clock",
  ]);
});

describe("what a machine does not say is nothing amiss:", () => {
  test.each<[string, Partial<MachineReading>]>([
    ["descriptors", { descriptorsMax: undefined }],
    ["descriptors without a limit", { descriptorsMax: Number.POSITIVE_INFINITY }],
    ["the kind of file system", { fileSystem: undefined }],
    ["files", { files: { free: 0, all: 0 } }],
    ["whether the clock is synchronised", { isClockSynchronized: undefined }],
    ["a container's file system", { fileSystem: "overlay" }],
  ])("%s", (_what, change) => expect(wrong(change)).toEqual([]));
});

describe("is found, with what to do:", () => {
  test.each<[string, Partial<MachineReading>]>([
    ["fail Bun", { bunVersion: "1.4.4" }],
    ["fail descriptors", { descriptorsMax: 64 }],
    ["warn descriptors", { descriptorsMax: 1024 }],
    ["warn memory", { memoryBytes: 0.5 * GiB }],
    ["warn file system", { fileSystem: "nfs4" }],
    ["warn file system", { fileSystem: "cifs" }],
    ["warn file system", { fileSystem: "fuse.sshfs" }],
    ["warn file system", { fileSystem: "9p" }],
    ["warn file system", { fileSystem: "tmpfs" }],
    ["fail disk space", { freeBytes: 10 * 1024 * 1024 }],
    ["warn disk space", { freeBytes: 0.5 * GiB }],
    ["warn files", { files: { free: 12, all: 2_000_000 } }],
    ["fail clock", { nowMs: 0 }],
    ["fail clock", { nowMs: Date.parse("2019-01-01T00:00:00Z") }],
    ["warn clock", { nowMs: Date.parse("2150-01-01T00:00:00Z") }],
    ["warn clock", { isClockSynchronized: false }],
  ])("%s, by %j", (what, change) => {
    expect(wrong(change)).toEqual([what]);
    const lines = machineFindings({ ...well, ...change }).map(findingLine);
    expect(lines.filter((line) => !line.startsWith("ok    "))).toEqual([
      expect.stringMatching(/^(warn|fail) {2}[^:]+: .+; .+/),
    ]);
  });
});
