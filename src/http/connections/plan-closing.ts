/** Which connections end when there are too many. Pure. */
import type { Connection } from "./sockets.ts";

/** A client that means it has sent its request by then. ms */
const talkMsMax = 50;

/**
 * The shortest request that there is: `GET / HTTP/1.0` and two ends of a line. Who sent less has asked for nothing.
 * Bytes.
 */
const requestBytesMin = 18;

/**
 * A request that came in part, or an answer that takes this long, is as good as none: an event has its answer by then.
 * ms
 */
const unansweredMsMax = 5_500;

/** Too many connections, and those that the look before saw. */
type Crowd = { max: number; before: ReadonlySet<string> };

/**
 * Those to end, so that `max` are left: first those that never sent a request; then those whose request is not whole or
 * not answered after seconds; then idle ones; last those with a request under way. Among equals the new ones end first,
 * so that whoever came in time stays. Whoever came a moment ago and has not asked yet is left alone until the next
 * look.
 */
export function planClosing(connections: readonly Connection[], { max, before }: Crowd): Connection[] {
  const isNew = ({ key }: Connection) => (before.has(key) ? 1 : 0);
  const judged = connections.filter((connection) => hasAsked(connection) || connection.silentMs >= talkMsMax);
  // Those that are left alone for now are the newest: they would end first, so nobody ends in their place.
  const excess = judged.length - max;
  if (excess <= 0) return [];
  return judged
    .map((connection) => ({ connection, rank: rankOf(connection), age: isNew(connection) }))
    .sort((a, b) => a.rank - b.rank || a.age - b.age || newestFirst(a, b))
    .slice(0, excess)
    .map(({ connection }) => connection);
}

const hasAsked = ({ received }: Connection) => received >= requestBytesMin;

function rankOf(connection: Connection): number {
  const { isBusy, silentMs } = connection;
  if (!hasAsked(connection)) return 0;
  if (isBusy) return silentMs > unansweredMsMax ? 1 : 3;
  return 2;
}

type Ranked = { connection: Connection; rank: number };

/** What never asked is as old as its silence; of others the one that was silent longest is missed least. */
const newestFirst = (a: Ranked, b: Ranked) =>
  a.rank === 0 ? a.connection.silentMs - b.connection.silentMs : b.connection.silentMs - a.connection.silentMs;
