/** A disk that becomes full and later has room again. */
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { mountSmallDisk } from "../../support/faults.ts";
import { faultUnderLoad } from "../fault-under-load.ts";
import type { Scenario } from "../scenario.ts";

/** Enough for the segments of a round. MiB */
const sizeMiB = 160;

/** Another file takes all of the room, or all but a little. */
export const diskFull: Scenario = {
  name: "disk-full",
  summary: "the disk is full but for 0 to 6 MiB, and has room again",
  rounds: 8,
  missing: () => (process.getuid?.() === 0 ? undefined : "only root may mount a small disk"),
  run: async (round) => {
    await using disk = mountSmallDisk({ sizeMiB });
    if (disk === undefined) throw new Error("mounting was refused");
    const ballast = `${disk.path}/ballast`;
    const leftBytes = round.random.between({ from: 0, to: 6 * 2 ** 20 });
    round.note(`${leftBytes} bytes are left`);
    return await faultUnderLoad(round, {
      lastsMs: round.random.between({ from: 500, to: 3_000 }),
      service: { dataDir: `${disk.path}/data` },
      begin: async () => {
        const { bavail, bsize } = statfsSync(disk.path);
        fill(ballast, Math.max(0, bavail * bsize - leftBytes));
        return { [Symbol.asyncDispose]: async () => rmSync(ballast, { force: true }) };
      },
    });
  },
};

/** Writes zeros until the file has this size or the disk is full. */
function fill(path: string, bytes: number): void {
  const piece = new Uint8Array(2 ** 20);
  try {
    for (let written = 0; written < bytes; written += piece.byteLength)
      writeFileSync(path, piece.subarray(0, Math.min(piece.byteLength, bytes - written)), { flag: "a" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}
