/**
 * What the disk allows: the same bodies appended to a file and synced, one by one or in groups, with nothing done to
 * them. Arguments: file of bodies, folder, bodies for each write and sync, seconds. Prints
 * `{"bodies":N,"microseconds":N}`.
 */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A file is left for a new one past this, as journals are: the disk is never asked for more. Bytes. */
const fileBytesMax = 256 * 1024 * 1024;

const [bodiesPath = "", folder = "", groupText = "", secondsText = ""] = process.argv.slice(2);
const bodies = (await Bun.file(bodiesPath).text()).trimEnd().split("\n");
const groupBodies = Number(groupText);
// All that a turn may start with: what is written is ready, so that only the disk is measured.
const groups = bodies.map((_, first) => {
  const turned = [...bodies.slice(first), ...bodies.slice(0, first)];
  return Buffer.from(Array.from({ length: groupBodies }, (_, index) => `${turned[index % turned.length]}\n`).join(""));
});

let files = 0;
let bytesLeft = 0;
let file: { path: string; descriptor: number } | undefined;

function leave(): void {
  if (file === undefined) return;
  closeSync(file.descriptor);
  unlinkSync(file.path);
  file = undefined;
}

/** Appends and syncs one group. */
function append(group: Buffer): void {
  if (file === undefined || bytesLeft < group.length) {
    leave();
    const path = join(folder, `appended-${files++}`);
    file = { path, descriptor: openSync(path, "ax") };
    bytesLeft = fileBytesMax;
  }
  for (let done = 0; done < group.length; ) done += writeSync(file.descriptor, group, done);
  fdatasyncSync(file.descriptor);
  bytesLeft -= group.length;
}

const startedMs = performance.now();
const endMs = startedMs + Number(secondsText) * 1_000;
let appended = 0;
while (performance.now() < endMs) {
  const group = groups[appended % groups.length];
  if (group === undefined) throw new Error(`no bodies in ${bodiesPath}`);
  append(group);
  appended += 1;
}
const microseconds = Math.round((performance.now() - startedMs) * 1_000);
leave();
console.log(JSON.stringify({ bodies: appended * groupBodies, microseconds }));
