/**
 * Who did what: refused requests, queries and acts of administration, each a line of the log with the subject.
 *
 * What repeats is written once in ten seconds, and the next ten begin with how often it was left out; so no client can
 * fill the disk. Values that clients send, other than their subject, never stand in a line: they may be about a person.
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

/** Long enough that a client that repeats itself again and again cannot fill the disk. ms */
const windowMs = 10_000;

/** A longer subject is cut. Characters. */
const subjectCharsMax = 200;

/**
 * What is written. `linesMax` in one window: more than a person reads of refusals, and more than a machine runs of
 * queries. Lines.
 */
const kinds = {
  refusal: { message: "request refused", more: "more requests refused, for the same reasons or others", linesMax: 20 },
  query: { message: "query", more: "more queries, the same or others", linesMax: 100 },
  act: { message: "administration", more: "more acts of administration, the same or others", linesMax: 100 },
} as const;

/** One of `kinds`. */
type AuditKind = keyof typeof kinds;

/** `subject` is null when there was no valid token; what is in `what` makes a line the same as another or not. */
type Audited = {
  subject: string | null;
  what: Readonly<Record<string, string | number | boolean | null>>;
  /** Beside it, for people: differs each time. */
  figures?: Readonly<Record<string, number>>;
};

/** Lines of one kind in this window, and how many were left out. */
type Written = { lines: Set<string>; unwritten: number };

/** Writes the lines. */
export class AuditLog {
  readonly #log: Pick<Log, "info">;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #written = new Map<AuditKind, Written>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(log: Pick<Log, "info">, clock: Pick<Clock, "monotonicMs">) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Writes a line, unless the same one was written in this window or too many were. */
  note(kind: AuditKind, { subject, what, figures }: Audited): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= windowMs) this.#begin(nowMs);
    const who = subject === null ? null : subject.slice(0, subjectCharsMax);
    const key = JSON.stringify([who, what]);
    const written = this.#written.get(kind) ?? { lines: new Set(), unwritten: 0 };
    this.#written.set(kind, written);
    const { message, linesMax } = kinds[kind];
    if (written.lines.has(key) || written.lines.size >= linesMax) {
      written.unwritten += 1;
      return;
    }
    written.lines.add(key);
    this.#log.info({ ...what, ...figures, subject: who }, message);
  }

  #begin(nowMs: number): void {
    for (const [kind, { unwritten }] of this.#written)
      if (unwritten > 0) this.#log.info({ unwritten }, kinds[kind].more);
    this.#written.clear();
    this.#sinceMs = nowMs;
  }
}
