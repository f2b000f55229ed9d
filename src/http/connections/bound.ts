/** The bound of connections, from the configuration and the limit of the system. */
import {
  connectionsByDefault,
  type DescriptorBudget,
  descriptorLimit,
  descriptorsMin,
  keepDescriptors,
} from "../../base/descriptors.ts";
import { TooFewDescriptors } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type Config, descriptorNeeds } from "../../config/config.ts";

/**
 * The bound of connections; `limit` is the process's limit of open files, and `kept` the reserved descriptors, which
 * are passed to threads that need them.
 */
export type ConnectionBound = { max: number; limit: number | undefined; kept: DescriptorBudget | undefined };

/** With a limit below this the service works, but with fewer connections than most would expect. */
const fewDescriptors = 1024;

const howToRaise = "raise the limit of open files (`ulimit -n 65536`, or LimitNOFILE=65536 of a systemd unit)";

/**
 * Finds the bound, reserves descriptors for the disk, and warns if there are few.
 * @throws TooFewDescriptors when there are too few for the service to work
 */
export function connectionBound(config: Config, log: Log): ConnectionBound {
  const needs = descriptorNeeds(config);
  const limit = descriptorLimit();
  if (limit === undefined || !Number.isFinite(limit))
    return { max: config.connectionsMax ?? Number.POSITIVE_INFINITY, limit, kept: undefined };
  const least = descriptorsMin(needs);
  if (limit < least)
    throw new TooFewDescriptors(
      `this process may have ${limit} open files, and needs ${least} with ${needs.shards} shards; ${howToRaise}`,
    );
  const max = config.connectionsMax ?? connectionsByDefault(limit, needs);
  if (limit < fewDescriptors) log.warn({ open_files: limit, connections: max }, `few open files: ${howToRaise}`);
  return { max, limit, kept: keepDescriptors(needs) };
}

/** The bound for the log; a number that is unknown or unbounded is null. */
export const toldOf = ({ max, limit }: ConnectionBound) => ({
  open_files: limit === undefined || !Number.isFinite(limit) ? null : limit,
  connections_max: Number.isFinite(max) ? max : null,
});
