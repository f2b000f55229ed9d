/** Cores that do not sleep: waking one takes a virtual machine as long as the work of a small request. */
import { availableParallelism } from "node:os";

/**
 * Keeps each core busy with a loop that gives way to everything else (SCHED_IDLE, by `chrt`), until its scope ends.
 * @throws Error `chrt` is not installed
 */
export function keptAwake(): AsyncDisposable {
  const loops = Array.from({ length: availableParallelism() }, () =>
    Bun.spawn(["chrt", "--idle", "0", process.execPath, "--no-orphans", "-e", "while (true);"], {
      stdio: ["ignore", "ignore", "ignore"],
    }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      for (const loop of loops) loop.kill("SIGKILL");
      await Promise.all(loops.map(({ exited }) => exited));
    },
  };
}
