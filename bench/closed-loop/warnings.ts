/** What a reader must know before believing the figures of a closed loop. */
import { median } from "../core/method.ts";
import type { Bench } from "../core/scenario.ts";
import { idsOf } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import type { ClosedLoad } from "./closed-load.ts";
import type { ServiceRun } from "./measure.ts";

/** Of a core. Above it `wrk`, which has one thread, may be what sets the pace. */
const generatorShareMax = 0.9;

/** What was measured, and what was asked for. */
type Measured = {
  rounds: readonly { floor: LoadResult; service: ServiceRun }[];
  connectionsAsked: number;
  idsAsked: Bench["ids"];
};

/** Says what makes the figures less than they seem; nothing if nothing does. */
export function warningsOf(load: ClosedLoad, { rounds, connectionsAsked, idsAsked }: Measured): string[] {
  const warnings: string[] = [];
  if (load.connections < connectionsAsked)
    warnings.push(
      `only ${load.connections} connections of ${connectionsAsked}: the limit of open files (ulimit -n) allows no more`,
    );
  if (idsAsked === "client" && idsOf(load, idsAsked) === "server")
    warnings.push("the server makes the ids here: they cannot be written into a compressed body");
  const floors = rounds.map(({ floor }) => floor);
  const services = rounds.map(({ service }) => service.load);
  return [
    ...warnings,
    ...warningsOfSide(services, { name: "the service", shareIs: "too low" }),
    ...warningsOfSide(floors, { name: "the floor", shareIs: "too high" }),
  ];
}

function warningsOfSide(loads: readonly LoadResult[], side: { name: string; shareIs: string }): string[] {
  const sum = (of: (load: LoadResult) => number) => loads.reduce((total, load) => total + of(load), 0);
  const used = median(loads.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds));
  const refused = sum((load) => load.refused);
  const broken = sum((load) => load.socketErrors);
  const late = sum((load) => load.timeouts);
  return [
    ...(used > generatorShareMax
      ? [
          `wrk took ${Math.round(used * 100)} % of a core against ${side.name}, which may do more than is shown: the share may be ${side.shareIs}`,
        ]
      : []),
    ...(refused > 0 ? [`${refused} requests were refused by ${side.name}: events/s counts only the others`] : []),
    ...(broken > 0 ? [`${broken} connections to ${side.name} broke`] : []),
    ...(late > 0 ? [`${late} answers of ${side.name} came later than wrk waits for`] : []),
  ];
}
