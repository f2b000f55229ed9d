/**
 * What was sent and what was answered, to be held against what is stored.
 * Each batch carries a client_id of its own, so that a row tells which request it came in with.
 */
import { randomUUID } from "node:crypto";
import { expectWellRefused } from "./refusals.ts";
import { RequestRefused, type Service } from "./service.ts";
import { until } from "./until.ts";

type Answer = "waiting" | "acknowledged" | "refused" | "unanswered";

interface Sent {
  /** client_id of a batch; null: an event alone. */
  readonly tag: string | null;
  readonly ids: readonly string[];
  answer: Answer;
  /** Refused in words that leave open whether it was stored. */
  isUnsettled?: boolean;
  /** From the answer: rows that this request put there itself. */
  storedHere: number | undefined;
}

/** Most violations that are told: enough to see a pattern. */
const violationsMax = 20;

/** The name of every event that a ledger sends: what others write to the same service is not its business. */
export const ledgerEventName = "ledger";

/** A promise that storage broke. */
export interface Violation {
  readonly kind: "lost" | "twice" | "other";
  readonly what: string;
}

/** Sends events with ids made here, remembers each answer, and tells what storage owes. */
export class Ledger {
  readonly #sent: Sent[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #inFlight = new Set<string>();
  readonly #known = new Set<string>();
  /** Status of each refusal, counted. */
  readonly refusals = new Map<number, number>();

  /** Ids that a 200 named or covered. */
  get acknowledged(): ReadonlySet<string> {
    return this.#acknowledged;
  }

  /** Ids that were sent and neither acknowledged nor are on their way: a client would retry them. */
  open(): string[] {
    return [...this.#known].filter((id) => !this.#acknowledged.has(id) && !this.#inFlight.has(id));
  }

  /** New ids, not sent yet. */
  static ids(count: number): string[] {
    return Array.from({ length: count }, () => randomUUID());
  }

  /** Sends the ids: as an event alone if `alone`, else as one batch. Gives the answer; never throws for one. */
  async send(service: Service, ids: readonly string[], how: { readonly alone?: boolean } = {}): Promise<Answer> {
    const alone = how.alone === true && ids.length === 1;
    const sent: Sent = { tag: alone ? null : randomUUID(), ids, answer: "waiting", storedHere: undefined };
    this.#sent.push(sent);
    for (const id of ids) {
      this.#known.add(id);
      this.#inFlight.add(id);
    }
    const events = ids.map((event_id) => ({ event_name: ledgerEventName, event_id, properties: { of: ids.length } }));
    try {
      if (sent.tag === null) {
        await service.track(events[0] ?? {});
      } else {
        const { events_received, events_queued, events_failed, events_duplicate } = await service.batch(
          events,
          sent.tag,
        );
        if (events_received !== ids.length || events_queued !== ids.length || events_failed !== 0) {
          throw new Error(`${ids.length} sent; received ${events_received}, queued ${events_queued}`);
        }
        sent.storedHere = events_queued - events_duplicate;
      }
      sent.answer = "acknowledged";
      for (const id of ids) this.#acknowledged.add(id);
    } catch (error) {
      if (error instanceof RequestRefused) {
        expectWellRefused(error);
        sent.answer = "refused";
        sent.isUnsettled = /may have been stored/.test(error.text);
        this.refusals.set(error.status, (this.refusals.get(error.status) ?? 0) + 1);
      } else if (isConnectionLost(error)) {
        sent.answer = "unanswered";
      } else {
        throw error;
      }
    } finally {
      for (const id of ids) this.#inFlight.delete(id);
    }
    return sent.answer;
  }

  /** Sends what is open, as a client does, until all of it is acknowledged; at most 20 s. */
  async retryAll(service: Service): Promise<void> {
    const sendSome = async () => {
      const ids = this.open().slice(0, 100);
      if (ids.length > 0) await this.send(service, ids);
      return this.open().length === 0;
    };
    await until(sendSome, {
      what: "all retries to be acknowledged",
      limitMs: 20_000,
      state: () => `${this.open().length} are open`,
    });
  }

  /** `broken`, in words alone. */
  async violations(service: Service): Promise<string[]> {
    return (await this.broken(service)).map(({ what }) => what);
  }

  /**
   * Every promise that storage breaks; none: empty.
   * REQUIRES: nothing in flight; everything sealed; nobody else sent events of the ledger's name.
   */
  async broken(service: Service): Promise<Violation[]> {
    const found: Violation[] = [];
    const tell = (kind: Violation["kind"], what: string) => void found.push({ kind, what });
    const tagOf = new Map<string, string | null>();
    const storedUnder = new Map<string, number>();
    for (const { id, tag } of await service.rows(
      `SELECT event_id::VARCHAR AS id, client_id AS tag FROM events WHERE event_name = '${ledgerEventName}'`,
    )) {
      if (typeof id !== "string") throw new Error(`event_id is ${id}`);
      if (tagOf.has(id)) tell("twice", `${id} is stored twice`);
      if (!this.#known.has(id)) tell("other", `${id} was never sent`);
      tagOf.set(id, typeof tag === "string" ? tag : null);
      if (typeof tag === "string") storedUnder.set(tag, (storedUnder.get(tag) ?? 0) + 1);
    }
    for (const id of this.#acknowledged) if (!tagOf.has(id)) tell("lost", `${id} was acknowledged and is lost`);
    // Place of each request in the order of sending; an event alone has no tag, and so no place.
    const placeOf = new Map<string | null, number>(this.#sent.map(({ tag }, place) => [tag, place]));
    placeOf.set(null, -1);
    for (const [place, { tag, ids, answer, storedHere }] of this.#sent.entries()) {
      const here = tag === null ? 0 : (storedUnder.get(tag) ?? 0);
      if (storedHere !== undefined && storedHere !== here) {
        tell("other", `batch ${place} was answered with ${storedHere} new events, and ${here} are stored with it`);
      }
      if (here === 0) continue;
      // Where one event of a batch is stored with it, all others are: with it, or with a request sent before it.
      for (const id of ids.filter((one) => tagOf.get(one) !== tag)) {
        const elsewhere = placeOf.get(tagOf.get(id) ?? (tagOf.has(id) ? null : missing));
        if (elsewhere !== undefined && elsewhere < place) continue;
        const where = elsewhere === undefined ? "nowhere" : `with batch ${elsewhere}`;
        tell("other", `batch ${place} (${answer}) is half there: ${here} of ${ids.length}; ${id} is ${where}`);
      }
    }
    for (const id of this.#onlyRefused()) if (tagOf.has(id)) tell("other", `${id} was refused and is stored`);
    const { total_events } = await service.stats();
    const stored = await service.count();
    if (total_events !== stored) tell("other", `stats tell ${total_events} events, ${stored} are stored`);
    return found.slice(0, violationsMax);
  }

  /** Ids that were in refused requests and in no others: nothing of those may be stored. */
  #onlyRefused(): Set<string> {
    const isRefused = ({ answer, isUnsettled }: Sent) => answer === "refused" && isUnsettled !== true;
    const ids = new Set(this.#sent.filter(isRefused).flatMap((sent) => sent.ids));
    for (const sent of this.#sent) if (!isRefused(sent)) for (const id of sent.ids) ids.delete(id);
    return ids;
  }
}

/** Stands for the tag of an id that is not stored at all. */
const missing = "";

/** Whether a fetch failed because the other side went away: the only failure that a killed service may cause. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return /ECONN|EPIPE|ConnectionRefused|ConnectionClosed|FailedToOpenSocket|socket connection was closed/i.test(
    `${code} ${error.message}`,
  );
}
