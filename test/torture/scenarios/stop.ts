/** SIGSTOP: freezes a process, the service itself or one that it started, and resumes it later. */
import { faultUnderLoad, processesOf } from "../fault-under-load.ts";
import type { Scenario } from "../scenario.ts";

/** One process is frozen for up to three seconds. */
export const stop: Scenario = {
  name: "stop",
  summary: "SIGSTOP of the service, or of a process that it started, for some seconds",
  rounds: 10,
  missing: () => undefined,
  run: (round) =>
    faultUnderLoad(round, {
      lastsMs: round.random.between({ from: 50, to: 3_000 }),
      begin: async (service) => {
        const pids = processesOf(service);
        const pid = pids[round.random.between({ from: 0, to: pids.length - 1 })] ?? service.pid;
        round.note(`stopped ${pid === service.pid ? "the service" : "a process that it started"}`);
        process.kill(pid, "SIGSTOP");
        return { [Symbol.asyncDispose]: async () => void process.kill(pid, "SIGCONT") };
      },
    }),
};
