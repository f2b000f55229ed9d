/** The floor under a closed loop. */
import type { Bench } from "../core/scenario.ts";
import { runClosedLoop } from "../load/closed-loop.ts";
import type { Requests } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { startFloor } from "../system/service.ts";

/** The floor does not look at its token, but has to read a header as long as the service's. */
export const floorToken = "x".repeat(160);

/** Starts the floor, warms it up, and loads it. */
export async function loadFloor(
  bench: Bench,
  requests: Requests,
  { bodiesPath, seconds }: { bodiesPath: string; seconds: number },
): Promise<LoadResult> {
  await using floor = await startFloor(bench, requests.encoding ?? "json");
  const target = { url: floor.url, token: floorToken, bodiesPath };
  await runClosedLoop(bench, requests, { ...target, seconds: bench.warmUpSeconds });
  return await runClosedLoop(bench, requests, { ...target, seconds });
}
