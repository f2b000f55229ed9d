/** What a scenario of a closed loop says. */
import type { Goal } from "../core/result.ts";
import type { Declaration } from "../core/scenario.ts";
import type { Requests } from "../load/requests.ts";

/** One kind of load, put on the floor and on the service alike. */
export type ClosedLoad = Omit<Declaration, "measure"> &
  Requests & {
    /** Beside the limit of memory, which holds for all of them. */
    goals: Goal[];
  };
