/** Every scenario, in the order in which they run. */
import type { Scenario } from "../scenario.ts";
import { kill } from "./kill.ts";

/** All of them. */
export const scenarios: readonly Scenario[] = [kill];
