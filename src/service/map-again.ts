/** Maps events that could not be mapped when they came, for a redrive. */
import type { Protocol } from "../event/protocols.ts";
import type { MapAgain } from "../upkeep/redrive.ts";

/** The mapper of each protocol, for one event as it is kept. */
const mappers: Partial<Record<Protocol, MapAgain>> = {};

/** The events in the own API's form that a refused one means; none if it still cannot be mapped. */
export const mapAgain: MapAgain = (record) => mappers[record.protocol]?.(record) ?? [];
