/** Too little memory: the kernel kills processes of a group that exceeds its limit. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { faultUnderLoad } from "../fault-under-load.ts";
import { memoryGroupName, memoryGroups } from "../leftovers.ts";
import type { Scenario } from "../scenario.ts";

/** From too little for a flush to a little less than a load needs. MiB */
const limitMiB = { from: 160, to: 480 };

/** The limit is for all processes of the service together; whichever the kernel kills, nothing is lost. */
export const memory: Scenario = {
  name: "memory",
  summary: "a memory limit of 160 to 480 MiB: the kernel ends what takes more",
  rounds: 6,
  missing: () =>
    existsSync(`${memoryGroups}/memory.limit_in_bytes`) && process.getuid?.() === 0
      ? undefined
      : "there is no memory controller that may be used",
  run: async (round) => {
    const mebibytes = round.random.between(limitMiB);
    round.note(`${mebibytes} MiB`);
    const group = `${memoryGroups}/${memoryGroupName(round.seed)}`;
    mkdirSync(group);
    try {
      return await faultUnderLoad(round, {
        lastsMs: round.random.between({ from: 500, to: 3_000 }),
        mayEnd: true,
        service: { wrapper: ["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"] },
        begin: async () => {
          // If the limit is below what is in use, the kernel refuses it or kills a process at once; both count as the
          // fault.
          setLimit(group, mebibytes * 2 ** 20);
          return { [Symbol.asyncDispose]: async () => setLimit(group, -1) };
        },
      });
    } finally {
      await removed(group);
    }
  },
};

function setLimit(group: string, bytes: number): void {
  try {
    writeFileSync(`${group}/memory.limit_in_bytes`, String(bytes));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
  }
}

/** The kernel removes a group only once its last process is gone; a group that stays holds nothing. */
async function removed(group: string): Promise<void> {
  for (let tries = 0; tries < 50 && existsSync(group); tries++) {
    try {
      rmdirSync(group);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
      await Bun.sleep(100);
    }
  }
}
