/** Chooses the connections to end when there are too many. Pure. */
import type { Connection } from "./sockets.ts";

/** A real client has sent its request by then. ms */
const talkMsMax = 50;

/**
 * The shortest request that there is: `GET / HTTP/1.0` and two line ends. A client that sent less has not sent a
 * request. Bytes.
 */
const requestBytesMin = 18;

/** A request that is incomplete or unanswered after this long may be ended: events are answered by then. ms */
const unansweredMsMax = 5_500;

/** The bound, and the keys of the connections that the previous check saw. */
type Crowd = { max: number; before: ReadonlySet<string> };

/**
 * The connections to end, so that `max` are left: first those that never sent a request; then those whose request is
 * incomplete or unanswered for seconds; then idle ones; last those with a request under way. Among equals the newest
 * end first, so that earlier clients stay. A connection that was just opened and has not sent a request yet is left
 * until the next check.
 */
export function planClosing(connections: readonly Connection[], { max, before }: Crowd): Connection[] {
  const isNew = ({ key }: Connection) => (before.has(key) ? 1 : 0);
  const judged = connections.filter((connection) => hasAsked(connection) || connection.silentMs >= talkMsMax);
  // The connections that are left for now are the newest and would end first, so no other connection ends in their
  // place.
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

/**
 * A connection that never sent a request is as old as its silence. Of the others, the longest silent one ends first.
 */
const newestFirst = (a: Ranked, b: Ranked) =>
  a.rank === 0 ? a.connection.silentMs - b.connection.silentMs : b.connection.silentMs - a.connection.silentMs;
