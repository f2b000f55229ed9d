/** Every scenario, in the order in which they run. */
import type { Scenario } from "../scenario.ts";
import { diskFull } from "./disk-full.ts";
import { ioError } from "./io-error.ts";
import { kill } from "./kill.ts";
import { power } from "./power.ts";
import { hungDisk, slowDisk } from "./slow-disk.ts";
import { stop } from "./stop.ts";

/** All of them. */
export const scenarios: readonly Scenario[] = [kill, power, stop, ioError, slowDisk, hungDisk, diskFull];
