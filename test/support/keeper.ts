/** The keeper of a running service, as a process that a test can find and end. */
import { childrenOf, readProc } from "./process.ts";
import type { Service } from "./service.ts";
import { until } from "./until.ts";

/** The keeper's process, once it is that: before, it is still the shell that starts it. */
export const keeperOf = (service: Service): Promise<number> =>
  until(
    () =>
      childrenOf(service.pid).find((pid) =>
        /^\S*bun\S*\0--no-orphans\0\S*keeper\/actor/.test(readProc(`${pid}/cmdline`)),
      ),
    { what: "the keeper's process", limitMs: 10_000, everyMs: 5 },
  );

/**
 * Waits until a step has ended the service, or its keeper alone, and ends what is left. Then the folder is as if both
 * had ended there: a successor of the keeper found what the step left, or had no time to.
 */
export async function endedByStep(service: Service): Promise<void> {
  await until(() => !service.isRunning || service.stderr.includes(`"actor":"keeper"`), {
    what: "the step that ends a process",
    limitMs: 20_000,
    everyMs: 5,
    state: () => service.stderr.slice(-4000),
  });
  if (service.isRunning) await service.kill9();
}
