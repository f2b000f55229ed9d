/** Every scenario, in the order in which they run. */
import type { Scenario } from "../scenario.ts";
import { clock } from "./clock.ts";
import { connections, descriptors } from "./connections.ts";
import { corrupt, corruptBytes } from "./corrupt.ts";
import { diskFull } from "./disk-full.ts";
import { hostileHttp } from "./hostile-http.ts";
import { hostileSql } from "./hostile-sql.ts";
import { ioError } from "./io-error.ts";
import { kill } from "./kill.ts";
import { killAtStep } from "./kill-at-step.ts";
import { memory } from "./memory.ts";
import { power } from "./power.ts";
import { hungDisk, slowDisk } from "./slow-disk.ts";
import { stop } from "./stop.ts";

/** All of them. */
export const scenarios: readonly Scenario[] = [
  kill,
  killAtStep,
  power,
  hostileHttp,
  hostileSql,
  corrupt,
  corruptBytes,
  stop,
  ioError,
  slowDisk,
  hungDisk,
  diskFull,
  clock,
  memory,
  descriptors,
  connections,
];
