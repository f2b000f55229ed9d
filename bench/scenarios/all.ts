/** All that can be measured, in the order in which it is. */
import type { Scenario } from "../core/scenario.ts";
import { sql } from "./sql.ts";

/** What runs when no name is given. */
export const scenariosByDefault: readonly Scenario[] = [];

/** What takes so long, or so much disk, that it runs only when its name is given. */
export const scenariosOnRequest: readonly Scenario[] = [sql];
