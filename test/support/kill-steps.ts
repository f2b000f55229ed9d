/** Steps of upkeep at which a test has a process killed, and the folder that it begins with. */
import { join } from "node:path";
import type { Step } from "./faults.ts";
import type { Service } from "./service.ts";
import { until } from "./until.ts";
import { segmentsOf } from "./upkeep.ts";

/** Paths of a step are below the data folder; `segment 2` stands for the third one of those that were there. */
export interface NamedStep extends Step {
  readonly what: string;
}

/** The step with the path that it has in the folder of this service. */
export function stepIn(service: Service, { calls, nth, path }: NamedStep): Step {
  if (path === undefined) return { calls, nth };
  const [, index] = /^segment (\d)$/.exec(path) ?? [];
  const named = index === undefined ? path : join("segments", segmentsOf(service.dataDir).current[Number(index)] ?? "");
  return { calls, nth, path: join(service.dataDir, named) };
}

/** Five flushes: too few for the service to merge them by itself. */
export async function sealFive(service: Service, eventsOf: (round: number) => object[]): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await service.batch(eventsOf(round));
    await until(() => segmentsOf(service.dataDir).current.length === round + 1, { what: "a segment", limitMs: 10_000 });
  }
  await service.waitSealed();
}
