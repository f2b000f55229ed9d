/** A made-up history of a shop, the same for the same seed: visits that follow the hours of the day and the week. */
import { type Random, randomFrom } from "../support/random.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const pages = [
  "/",
  "/shoes",
  "/shoes/trail-runner",
  "/bags",
  "/sale",
  "/bags/weekender",
  "/cart",
  "/checkout",
  "/account",
  "/help/returns",
  "/about",
  "/blog/packing-light",
];

const referrers = [
  null,
  "https://www.google.com/",
  "https://news.ycombinator.com/",
  "https://duckduckgo.com/",
  "https://www.instagram.com/",
  "https://partner.example/gear",
];

/** What a visitor may do besides looking at pages, the frequent first; each with its category. */
const deeds = [
  ["view_item", "user_action"],
  ["add_to_cart", "user_action"],
  ["search", "user_action"],
  ["purchase", "trading"],
  ["sign_up", "auth"],
  ["api_error", "error"],
  ["slow_page", "performance"],
] as const;

/** One event of the history, as it is sent. */
type HistoricEvent = Readonly<Record<string, unknown>>;

/** The events of the days before `untilMs`, in no order. */
export function historyUntil(untilMs: number, days: number): HistoricEvent[] {
  const random = randomFrom(7);
  const events: HistoricEvent[] = [];
  for (let atMs = untilMs - days * dayMs; atMs < untilMs; atMs += hourMs) {
    const visits = Math.round(80 * busyness(atMs) * (0.85 + 0.3 * unit(random)));
    for (let visit = 0; visit < visits; visit++)
      events.push(...visitFrom(atMs + unit(random) * hourMs, random, untilMs));
  }
  return events;
}

/** From 0 to 1. */
const unit = (random: Random) => random.between({ from: 0, to: 999_999 }) / 1_000_000;

/** How busy an hour is: most by day, less at weekends. */
function busyness(atMs: number): number {
  const date = new Date(atMs);
  const byDay = 0.3 + 0.7 * Math.max(0, Math.sin(((date.getUTCHours() - 6) / 24) * 2 * Math.PI));
  return [0, 6].includes(date.getUTCDay()) ? 0.6 * byDay : byDay;
}

function* visitFrom(startMs: number, random: Random, untilMs: number): Generator<HistoricEvent> {
  const person = Math.floor(unit(random) ** 2 * 2_400);
  const session = `s-${Math.floor(startMs).toString(36)}-${person}`;
  const steps = 1 + Math.floor(unit(random) ** 2 * 9);
  let atMs = startMs;
  for (let step = 0; step < steps; step++) {
    atMs += 3_000 + unit(random) * 80_000;
    if (atMs >= untilMs) return;
    const [event_name, category] =
      step > 0 && unit(random) < 0.4 ? oftenFirst(deeds, random) : (["page_view", "page_view"] as const);
    yield {
      event_name,
      category,
      timestamp: new Date(atMs).toISOString(),
      session_id: session,
      anonymous_id: `device-${person.toString(36)}`,
      user_id: person % 3 === 0 ? `user-${person}` : null,
      page_url: `https://shop.example${oftenFirst(pages, random)}`,
      referrer: step === 0 ? oftenFirst(referrers, random) : null,
      properties: event_name === "purchase" ? { price: Math.round(unit(random) * 20_000) / 100 } : {},
    };
  }
}

/** One of a list, the first ones more often. */
function oftenFirst<T>(list: readonly T[], random: Random): T {
  const chosen = list[Math.floor(unit(random) ** 1.8 * list.length)];
  if (chosen === undefined) throw new Error("nothing to choose from");
  return chosen;
}
