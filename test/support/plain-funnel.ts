/** A funnel that tries every way to do the steps: slow, and plain enough to be believed. */
import type { ToldEvent } from "./told.ts";

/** What the macro calls `"order"`. */
export type FunnelOrder = "sequential" | "strict" | "any";

/** What is asked; times in ms. */
export type FunnelQuestion = {
  steps: readonly string[];
  withinMs: number;
  order: FunnelOrder;
  by: "person" | "session";
  since: number | null;
  until: number | null;
};

/** An event of one person or session. `place`: among all of its events, by time, then in the order of the steps. */
type Placed = { place: number; at: number; name: string; value: string | null };

/**
 * Rows of the answer, broken down by `page_url`: breakdown, step, reached, dropped, median seconds since the step
 * before and since the first. REQUIRES: no event has an `anonymous_id`, and at most 25 values.
 */
export function plainFunnel(events: readonly ToldEvent[], asked: FunnelQuestion): unknown[] {
  const read = events.filter(({ at }) => at >= (asked.since ?? at) && (asked.until === null || at < asked.until));
  const units = asked.by === "person" ? people(read) : sessions(read);
  const tries = units.map((unit) => countedTry(placed(unit, asked), asked)).filter((way) => way.length > 0);
  const values = new Set(tries.map(([first]) => first?.value ?? null));
  return [...(values.size > 0 ? values : [null])].flatMap((value) => {
    const own = tries.filter(([first]) => (first?.value ?? null) === value);
    return asked.steps.map((_, index) => {
      const arrived = own.filter((way) => way.length > index);
      const spans = arrived.map((way) => seconds(way, index));
      const since = arrived.map((way) => seconds(way, index) - seconds(way, index - 1));
      const before = index === 0 ? arrived.length : own.filter((way) => way.length >= index).length;
      const times = index === 0 ? [null, null] : [median(since), median(spans)];
      return [value, index + 1, arrived.length, before - arrived.length, ...times];
    });
  });
}

const groupsOf = (events: readonly ToldEvent[], keyOf: (event: ToldEvent) => unknown[] | null) => {
  const groups = new Map<string, ToldEvent[]>();
  for (const event of events) {
    const key = keyOf(event);
    if (key === null) continue;
    const text = JSON.stringify(key);
    groups.set(text, [...(groups.get(text) ?? []), event]);
  }
  return [...groups.values()];
};

const personOf = ({ user_id, client_id }: ToldEvent) => user_id ?? client_id ?? null;

const people = (events: readonly ToldEvent[]) =>
  groupsOf(events, (event) => (personOf(event) === null ? null : [personOf(event)]));

function sessions(events: readonly ToldEvent[]): ToldEvent[][] {
  const keyOf = (event: ToldEvent) => {
    const session = event.session_id ?? null;
    if (session !== null) return ["session", session];
    return personOf(event) === null ? null : ["person", personOf(event)];
  };
  return groupsOf(events, keyOf).flatMap((group) => {
    const stretches: ToldEvent[][] = [];
    for (const event of group.sort((a, b) => a.at - b.at)) {
      const last = stretches.at(-1);
      if (last !== undefined && event.at - (last.at(-1)?.at ?? 0) <= 30 * 60_000) last.push(event);
      else stretches.push([event]);
    }
    return stretches;
  });
}

function placed(unit: readonly ToldEvent[], { steps }: FunnelQuestion): Placed[] {
  const position = (name: string) => (steps.includes(name) ? steps.indexOf(name) : steps.length);
  return unit
    .map(({ at, event_name: name = "", page_url: value = null }) => ({ at, name, value }))
    .sort((a, b) => a.at - b.at || position(a.name) - position(b.name) || order(a.value, b.value))
    .map((event, place) => ({ ...event, place }));
}

/** Strings in their order, null last. */
const order = (a: string | null, b: string | null) => (a === b ? 0 : b === null || (a !== null && a < b) ? -1 : 1);

/** The events of the try that counts: the furthest, of those the first to arrive, of those as the macro's words say. */
function countedTry(events: readonly Placed[], asked: FunnelQuestion): readonly Placed[] {
  const better = (a: readonly Placed[], b: readonly Placed[]) => {
    const latestStart = Math.min(...b.map(({ at }) => at)) - Math.min(...a.map(({ at }) => at));
    return b.length - a.length || lastPlace(a) - lastPlace(b) || latestStart || byPlaces(a, b, asked.order);
  };
  return [...waysFrom([], events, asked)].sort(better)[0] ?? [];
}

const lastPlace = (way: readonly Placed[]) => Math.max(...way.map(({ place }) => place));

/** Sequential: the first arrival at each step. Strict: the last, from behind. Any: the latest event of each step. */
function byPlaces(a: readonly Placed[], b: readonly Placed[], kind: FunnelOrder): number {
  const differences = a.map(({ place }, index) => place - (b[index]?.place ?? 0));
  if (kind === "sequential") return differences.find((difference) => difference !== 0) ?? 0;
  if (kind === "strict") return -(differences.findLast((difference) => difference !== 0) ?? 0);
  return -(differences.find((difference) => difference !== 0) ?? 0);
}

/** Every way to do the next steps after these, and every way that stops before. */
function* waysFrom(way: readonly Placed[], events: readonly Placed[], asked: FunnelQuestion): Generator<Placed[]> {
  const last = way.at(-1);
  for (const event of events) {
    if (event.name !== asked.steps[way.length] || way.includes(event)) continue;
    const longer = [...way, event];
    const times = longer.map(({ at }) => at);
    if (Math.max(...times) - Math.min(...times) > asked.withinMs) continue;
    if (asked.order !== "any" && last !== undefined && event.place < last.place) continue;
    const isBetween = ({ at }: Placed) => last !== undefined && at > last.at && at < event.at;
    if (asked.order === "strict" && events.some(isBetween)) continue;
    yield longer;
    yield* waysFrom(longer, events, asked);
  }
}

/** Seconds from the first to the last of the steps up to this one. */
function seconds(way: readonly Placed[], index: number): number {
  const times = way.slice(0, index + 1).map(({ at }) => at);
  return times.length === 0 ? 0 : (Math.max(...times) - Math.min(...times)) / 1000;
}

function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
