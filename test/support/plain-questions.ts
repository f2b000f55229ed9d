/** Plain computations of what the catalog's questions say: every event in turn, nothing clever. */
import type { ToldEvent } from "./told.ts";

/** An event with what decides its session, and its place among all. */
export type Placed = ToldEvent & { place: number; person: string | null; key: string | null };

/** Whose event it is, of all events. */
export function personOf(event: ToldEvent, events: readonly ToldEvent[]): string | null {
  const device = event.anonymous_id ?? null;
  const [first] = events
    .flatMap(({ at, anonymous_id, user_id }) =>
      device === null || anonymous_id !== device || user_id === null || user_id === undefined ? [] : [{ at, user_id }],
    )
    .sort((a, b) => a.at - b.at || (a.user_id < b.user_id ? -1 : 1));
  return event.user_id ?? first?.user_id ?? device ?? event.client_id ?? null;
}

/** The events with their person and the key of their session: the session_id, or the person, or nothing. */
export const placed = (events: readonly ToldEvent[]): Placed[] =>
  events.map((event, place) => {
    const person = personOf(event, events);
    const session = event.session_id ?? null;
    const lone = person === null ? null : `person:${person}`;
    return { ...event, place, person, key: session === null ? lone : `session:${session}` };
  });

/** The sessions: events of one key, in order, without a pause of more than the gap. */
export function sessionsOf(events: readonly Placed[], gapMs: number): [Placed, ...Placed[]][] {
  const sessions: [Placed, ...Placed[]][] = [];
  const open = new Map<string, [Placed, ...Placed[]]>();
  for (const event of events.toSorted((a, b) => a.at - b.at || a.place - b.place)) {
    if (event.key === null) continue;
    const session = open.get(event.key);
    const last = session?.at(-1);
    if (session !== undefined && last !== undefined && event.at - last.at <= gapMs) session.push(event);
    else {
      const begun: [Placed, ...Placed[]] = [event];
      open.set(event.key, begun);
      sessions.push(begun);
    }
  }
  return sessions;
}

/** Those of the events with this value that come first: several at one instant. */
export function firstOf<T extends ToldEvent>(events: readonly T[], has: (event: T) => boolean): T[] {
  const those = events.filter(has);
  const at = Math.min(...those.map((event) => event.at));
  return those.filter((event) => event.at === at);
}
