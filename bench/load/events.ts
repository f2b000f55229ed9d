/**
 * Events that look like a web shop's, the same for the same seed: few names and few sessions carry most of the traffic,
 * and what is in `properties` depends on the name. Written as request bodies, one a line, for `ingest.lua` to cycle
 * through.
 */
import type { Category } from "../../src/event/categories.ts";
import { batchEventsMax } from "../../src/event/limits.ts";
import type { BatchInput, EventInput } from "../../src/event/schema.ts";

/** The next number from 0 up to, but not including, 1. */
export type Chance = () => number;

/** What bodies are made from. */
export interface BodyOptions {
  /** The same seed and time make the same bytes. */
  readonly seed: number;
  /** Now, Unix milliseconds: the timestamps of batched events lie in the minute before it. */
  readonly nowMs: number;
  /** Who makes the ids: `client` leaves `idPlace` in each event, for the load generator to write a fresh id over. */
  readonly ids: "server" | "client";
}

/** Stands where a client's id goes: a UUID, so that a body keeps its length when the id is written over it. */
export const idPlace = "00000000-0000-4000-8000-000000000000";

/** Enough sessions that their names do not compress into nothing, few enough that most come back. */
const sessionsCount = 5_000;

const paths = ["/", "/search", "/cart", "/checkout", "/account", "/orders/2024/inbox", "/help/returns-and-refunds"];
const referrers = ["https://www.google.com/", "https://shop.example/", "https://news.example/item?id=41", null];
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "shop-ios/8.40.2 (iPhone14,5; iOS 17.5.1; de_AT)",
  "shop-android/8.41.0 (Pixel 7; Android 14; de_AT)",
];
const words = ["blue", "winter", "größe", "shoes", "ticket", "refund", "東京", "late", "gift", "return"];

/** The members of `properties` whose numbers a typed client holds as doubles. */
export const realKeys = ["ttfb_ms", "total", "price"];

/** Commonest first: `skewed` makes the first of these nine times as frequent as the last. */
const kinds: readonly { name: string; category: Category; properties: (chance: Chance) => Record<string, unknown> }[] =
  [
    { name: "page_viewed", category: "page_view", properties: (chance) => ({ load_ms: whole(chance, 4000), tab: 1 }) },
    {
      name: "button_clicked",
      category: "user_action",
      properties: (chance) => ({ button: word(chance), x: 412, y: 88 }),
    },
    { name: "product_seen", category: "page_view", properties: (chance) => ({ sku: sku(chance), position: 3 }) },
    { name: "search_made", category: "user_action", properties: (chance) => ({ terms: [word(chance), word(chance)] }) },
    {
      name: "request_timed",
      category: "performance",
      properties: (chance) => ({ ttfb_ms: chance() * 900, cached: true }),
    },
    { name: "cart_changed", category: "user_action", properties: (chance) => ({ sku: sku(chance), quantity: 2 }) },
    {
      name: "order_placed",
      category: "trading",
      properties: (chance) => ({ total: money(chance), lines: lines(chance) }),
    },
    { name: "signed_in", category: "auth", properties: () => ({ method: "passkey", second_factor: null }) },
    {
      name: "flag_evaluated",
      category: "feature",
      properties: (chance) => ({ flag: `new-${word(chance)}`, on: true }),
    },
    {
      name: "script_failed",
      category: "error",
      properties: (chance) => ({ message: `x is ${word(chance)}`, line: 41 }),
    },
    {
      name: "job_finished",
      category: "system",
      properties: (chance) => ({ job: word(chance), rows: whole(chance, 1e6) }),
    },
  ];

/** A stream of numbers from a seed: mulberry32, which is plenty for shuffling words. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bodies of `POST /api/v1/analytics`, about 250 bytes each. */
export function singleBodies(options: BodyOptions & { readonly count: number }): string[] {
  const chance = seededChance(options.seed);
  return Array.from({ length: options.count }, () => JSON.stringify(singleEvent(chance, options)));
}

/** Bodies of `POST /api/v1/analytics/batch`, of about 365 bytes an event: full batches, unless a size is given. */
export function batchBodies(
  options: BodyOptions & { readonly count: number; readonly eventsPerBatch?: number },
): string[] {
  const chance = seededChance(options.seed);
  return Array.from({ length: options.count }, () => {
    const events = Array.from({ length: options.eventsPerBatch ?? batchEventsMax }, () =>
      batchedEvent(chance, options),
    );
    const batch: BatchInput = { events, client_id: `web-${whole(chance, 500)}` };
    return JSON.stringify(batch);
  });
}

/** What a page sends at once: the server's clock will do, and the headers say the rest. */
function singleEvent(chance: Chance, options: BodyOptions): EventInput {
  return { ...anyEvent(chance, options), referrer: at(referrers, whole(chance, referrers.length)) };
}

/** What an app gathers and sends later: it has to say when, and from what. */
function batchedEvent(chance: Chance, options: BodyOptions): EventInput {
  return {
    ...anyEvent(chance, options),
    priority: chance() < 0.9 ? "medium" : "high",
    timestamp: new Date(options.nowMs - whole(chance, 60_000)).toISOString(),
    user_agent: at(agents, skewed(chance, agents.length)),
  };
}

function anyEvent(chance: Chance, { ids }: BodyOptions): EventInput {
  const kind = at(kinds, skewed(chance, kinds.length));
  return {
    ...(ids === "client" ? { event_id: idPlace } : {}),
    event_name: kind.name,
    category: kind.category,
    properties: { ...kind.properties(chance), build: "2024.11.3", locale: "de-AT" },
    session_id: session(chance),
    page_url: pageUrl(chance),
  };
}

/** A rank from 0 up to `count`, by Zipf's law: rank r comes up about 1 / (r + 1) as often as the first. */
function skewed(chance: Chance, count: number): number {
  return Math.min(count - 1, Math.floor((count + 1) ** chance()) - 1);
}

function whole(chance: Chance, below: number): number {
  return Math.floor(chance() * below);
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`no item ${index} in a list of ${list.length}`);
  return item;
}

function word(chance: Chance): string {
  return at(words, whole(chance, words.length));
}

function sku(chance: Chance): string {
  return `SKU-${whole(chance, 1e6).toString(36).padStart(4, "0")}`;
}

function money(chance: Chance): number {
  return whole(chance, 50_000) / 100;
}

function lines(chance: Chance): { sku: string; price: number }[] {
  return Array.from({ length: 1 + skewed(chance, 4) }, () => ({ sku: sku(chance), price: money(chance) }));
}

function session(chance: Chance): string {
  return `s-${(2e9 + skewed(chance, sessionsCount) * 7919).toString(16)}`;
}

function pageUrl(chance: Chance): string {
  return `https://shop.example${at(paths, skewed(chance, paths.length))}?page=${1 + skewed(chance, 20)}&ref=${word(chance)}`;
}
