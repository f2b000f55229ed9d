/** All that can be measured, in the order in which it is. */
import type { Scenario } from "../core/scenario.ts";
import { bytes } from "./bytes.ts";
import { clients } from "./clients.ts";
import { closedLoops } from "./closed-loops.ts";
import { compaction } from "./compaction.ts";
import { cores } from "./cores.ts";
import { countable } from "./countable.ts";
import { floorsScenario } from "./floors.ts";
import { flush } from "./flush.ts";
import { largeBodies } from "./large-bodies.ts";
import { memory } from "./memory.ts";
import { mixed } from "./mixed.ts";
import { openLoop } from "./open-loop.ts";
import { openLoopBatch } from "./open-loop-batch.ts";
import { overload } from "./overload.ts";
import { page, pageLive } from "./page.ts";
import { peersScenario } from "./peers.ts";
import { query } from "./query.ts";
import { recovery } from "./recovery.ts";
import { slowClient } from "./slow-client.ts";
import { slowDisk } from "./slow-disk.ts";
import { soak } from "./soak.ts";
import { spelling } from "./spelling.ts";
import { sql } from "./sql.ts";
import { start, startLarge } from "./start.ts";
import { statsSize } from "./stats-size.ts";
import { tailCauses } from "./tail-causes.ts";
import { warmUp } from "./warm-up.ts";

/** What runs when no name is given. */
export const scenariosByDefault: readonly Scenario[] = [
  ...closedLoops,
  spelling,
  openLoop,
  openLoopBatch,
  overload,
  mixed,
  page,
  pageLive,
  slowClient,
  countable,
  floorsScenario,
  peersScenario,
  start,
  recovery,
  flush,
  compaction,
  bytes,
  memory,
  statsSize,
  query,
  cores,
  slowDisk,
];

/** What takes too long, or too much disk, to run unless its name is given. */
export const scenariosOnRequest: readonly Scenario[] = [
  sql,
  soak,
  startLarge,
  warmUp,
  tailCauses,
  largeBodies,
  clients,
];
