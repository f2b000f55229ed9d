/** Disk calls that fail: the n-th one, once or from then on. */
import { type diskCalls, faultyFromNow } from "../../support/faults.ts";
import { faultUnderLoad } from "../fault-under-load.ts";
import type { Scenario } from "../scenario.ts";
import { toolMissing } from "../tools.ts";

const kinds = [
  "dataSync",
  "folderSync",
  "rename",
  "remove",
  "write",
  "open",
] as const satisfies (keyof typeof diskCalls)[];

const errors = ["EIO", "ENOSPC", "EMFILE", "EROFS", "EDQUOT"] as const;

/** Which of each thread's calls is the first to fail. */
const nthMax = 12;

/** One kind of call fails in all processes of the service. */
export const ioError: Scenario = {
  name: "io-error",
  summary: "write, sync, rename, unlink or open fails at the n-th call, once or for good",
  rounds: 15,
  missing: () => toolMissing("strace"),
  run: (round) => {
    const { random, note } = round;
    const calls = kinds[random.between({ from: 0, to: kinds.length - 1 })] ?? "dataSync";
    const error = errors[random.between({ from: 0, to: errors.length - 1 })] ?? "EIO";
    const nth = random.between({ from: 1, to: nthMax });
    const isOnce = random.onceIn(2);
    note(`${calls}: ${error} at call ${nth}${isOnce ? "" : " and all that follow"}`);
    return faultUnderLoad(round, {
      lastsMs: random.between({ from: 500, to: 2_500 }),
      begin: async (service) => {
        const injected = await faultyFromNow(service.pid, {
          calls,
          fault: { error },
          from: nth,
          ...(isOnce ? { to: nth } : {}),
          logPath: "/dev/null",
        });
        if (injected === undefined) throw new Error("strace was refused");
        return injected;
      },
    });
  },
};
