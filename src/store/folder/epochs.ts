/**
 * The runs of a service on a folder, in `epochs.json`: each start adds an epoch with a random id, and with the last
 * event of each shard before it. So whoever remembers an event by its shard and sequence, with the epoch in which it
 * saw that event, can be told whether this folder still has the same event at that place. Sequences alone do not tell:
 * a folder that was restored to an earlier state, or a copy of it, uses the same sequences for other events.
 *
 * Invariant: epochs are in the order of their starts; no id is there twice.
 */
import { keepJson, readKeptJson } from "./kept-file.ts";
import type { DataFolder } from "./names.ts";

/** One run of a service. */
export type Epoch = {
  /** Random, 32 bits. */
  id: number;
  /** By the number of the shard, also of retired ones: its last event before this run; 0: it had none. */
  ends: readonly number[];
};

/**
 * Daily starts for most of a year: 60 bytes each are read and written at a start. Whoever comes from an epoch before
 * these is treated like one from another folder. Epochs.
 */
const epochsMax = 250;

/** The epochs of a folder. A damaged file has none, so that what is remembered from before is no longer trusted. */
export function readEpochs(folder: DataFolder): { epochs: Epoch[]; isDamaged: boolean } {
  const kept = readKeptJson(folder.epochs);
  if (kept.kind === "missing") return { epochs: [], isDamaged: false };
  const lines = kept.kind === "sound" ? kept.value["epochs"] : undefined;
  const epochs = Array.isArray(lines) ? lines.map(epochOf) : [undefined];
  return epochs.every((each) => each !== undefined) ? { epochs, isDamaged: false } : { epochs: [], isDamaged: true };
}

/** Writes the latest epochs, durably. */
export function keepEpochs(folder: DataFolder, epochs: readonly Epoch[]): void {
  keepJson(folder.epochs, { epochs: epochs.slice(-epochsMax).map(lineOf) });
}

/** Carries the epochs of a folder into a copy of it, if it has any. */
export function carryEpochs(from: DataFolder, to: DataFolder): void {
  const { epochs } = readEpochs(from);
  if (epochs.length > 0) keepEpochs(to, epochs);
}

/** One line of the file for each: `89abcdef 120 340`. */
const lineOf = ({ id, ends }: Epoch): string => [id.toString(16).padStart(8, "0"), ...ends].join(" ");

function epochOf(line: unknown): Epoch | undefined {
  const [, id = "", rest = ""] = /^([0-9a-f]{8})((?: \d{1,16})*)$/.exec(String(line)) ?? [];
  if (id === "") return undefined;
  return { id: Number.parseInt(id, 16), ends: rest.split(" ").slice(1).map(Number) };
}
