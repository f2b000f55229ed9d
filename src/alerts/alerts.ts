/**
 * Measures alerts in turn and tells their changes.
 *
 * Invariants:
 * - One alert is measured at a time, in a process of its own that yields the processor to all others; so alerts never
 *   take the place of a query. A turn that comes due while its alert waits or is measured is skipped and counted.
 * - What cannot be measured changes no state.
 * - A change is durable before it is sent. It counts as sent once the receiver has answered 2xx.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Time } from "../base/time.ts";
import type { AlertShown } from "../stats/answer.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { type Alert, isBeyond } from "./alert.ts";
import { Delivery } from "./delivery.ts";
import type { Measured } from "./measure.ts";
import { type AlertState, type AlertStates, keepAlertStates, readAlertStates } from "./state.ts";

/** What alerts work with. */
type AlertsOptions = {
  folder: DataFolder;
  log: Log;
  time: Time;
  /** The alerts as their files say now; another list once they have changed. */
  alerts: () => readonly Alert[];
  measure: (sql: string, signal: AbortSignal) => Promise<Measured>;
};

/** For metrics: what came of the turns and of the messages, and which alerts there are. */
export type AlertCounts = {
  turns: Readonly<Record<"measured" | "failed" | "skipped", number>>;
  messages: Readonly<Record<"sent" | "failed", number>>;
  firing: readonly { alert: string; isFiring: boolean }[];
};

/** A service that has just started has the processor for itself for this long. ms */
const startPauseMs = 2_000;

/** Pause between two looks at what is due. ms */
const lookMs = 200;

/** An alert is late once it has missed this many turns, and this time. */
const lateTurns = 3;
const lateMsMin = 30_000;

/** Of one alert: when its turn is, what it measured last, and why it could not. */
type Turn = { dueMs: number; last: { value: number; at: string } | undefined; problem: string | undefined };

/** A measurement under way. */
type Measurement = { turn: Turn; stop: AbortController; ended: Promise<void> };

/** The alerts of a service. */
export class Alerts implements AsyncDisposable {
  readonly #options: AlertsOptions;
  readonly #delivery: Delivery;
  readonly #states: AlertStates;
  readonly #startProblem: string | undefined;
  readonly #turns = new Map<string, Turn>();
  readonly #stopping = new AbortController();
  #known: readonly Alert[] = [];
  #measuring: Measurement | undefined;
  #counts = { measured: 0, failed: 0, skipped: 0 };
  #stopLooking: () => void = () => undefined;

  /** Reads the states that an earlier run left, and begins to look at what is due. */
  static open(options: AlertsOptions): Alerts {
    const alerts = new Alerts(options, readAlertStates(options.folder));
    alerts.#stopLooking = options.time.every(lookMs, () => alerts.#look());
    return alerts;
  }

  private constructor(options: AlertsOptions, kept: ReturnType<typeof readAlertStates>) {
    const { log, time } = options;
    this.#options = options;
    this.#states = kept.states;
    this.#startProblem = kept.problem;
    const onTaken = (message: { alert: string; at: string }) => this.#onTaken(message);
    this.#delivery = new Delivery({ log, clock: time, onTaken });
  }

  /** For the stats: each alert with its state, and what it measured last. */
  shown(): AlertShown[] {
    return this.#options.alerts().map(({ name }) => {
      const kept = this.#states.get(name);
      const last = this.#turns.get(name)?.last ?? kept;
      return { alert: name, state: kept?.state ?? "resolved", value: last?.value ?? null, at: last?.at ?? null };
    });
  }

  get counts(): AlertCounts {
    const isFiring = (name: string) => this.#states.get(name)?.state === "firing";
    const firing = this.#options.alerts().map(({ name }) => ({ alert: name, isFiring: isFiring(name) }));
    return { turns: this.#counts, messages: this.#delivery.counts, firing };
  }

  /** What a person should know, a sentence each. */
  get warnings(): readonly string[] {
    const nowMs = this.#options.time.monotonicMs();
    const told = this.#options.alerts().flatMap(({ name, everyMs }) => {
      const turn = this.#turns.get(name);
      const message = this.#delivery.problemOf(name);
      const isLate = turn !== undefined && nowMs - turn.dueMs > Math.max(lateTurns * everyMs, lateMsMin);
      return [
        turn?.problem && `the alert ${name} cannot be measured, so its state stays; the log says why`,
        isLate &&
          `the alert ${name} is late, since others are measured; give alerts a longer "every", or fewer of them`,
        message && `the message of the alert ${name} ${message}; the log says why`,
      ].filter((sentence) => typeof sentence === "string");
    });
    return this.#startProblem === undefined ? told : [this.#startProblem, ...told];
  }

  #look(): void {
    if (this.#stopping.signal.aborted) return;
    const alerts = this.#options.alerts();
    if (alerts !== this.#known) this.#take(alerts);
    for (const alert of alerts) {
      const state = this.#states.get(alert.name);
      if (state !== undefined) this.#delivery.look(alert, state);
    }
    if (this.#measuring !== undefined) return;
    const due = this.#nextDue(alerts);
    if (due !== undefined) this.#begin(due.alert, due.turn);
  }

  #begin(alert: Alert, turn: Turn): void {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#stopping.signal]);
    const ended = this.#measure(alert, turn, signal).finally(() => {
      this.#measuring = undefined;
    });
    this.#measuring = { turn, stop, ended };
  }

  /** Takes another list of alerts. A new or changed one is due at once; one that is gone leaves no state. */
  #take(alerts: readonly Alert[]): void {
    const nowMs = this.#options.time.monotonicMs();
    const before = new Map(this.#known.map((alert) => [alert.name, JSON.stringify(alert)]));
    const isFirst = this.#known.length === 0 && this.#turns.size === 0;
    this.#known = alerts;
    const names = new Set(alerts.map(({ name }) => name));
    for (const name of this.#turns.keys()) if (!names.has(name)) this.#turns.delete(name);
    for (const alert of alerts) {
      if (before.get(alert.name) === JSON.stringify(alert)) continue;
      this.#delivery.renew(alert.name);
      const last = this.#turns.get(alert.name)?.last;
      this.#turns.set(alert.name, { dueMs: nowMs + (isFirst ? startPauseMs : 0), last, problem: undefined });
    }
    // What is measured by a file that was changed or removed counts for nothing.
    const measuring = this.#measuring;
    if (measuring !== undefined && ![...this.#turns.values()].includes(measuring.turn)) measuring.stop.abort();
    const gone = [...this.#states.keys()].filter((name) => !names.has(name));
    for (const name of gone) {
      this.#states.delete(name);
      this.#delivery.forget(name);
    }
    if (gone.length > 0) this.#keep();
  }

  /** The alert that has been due for the longest time. */
  #nextDue(alerts: readonly Alert[]): { alert: Alert; turn: Turn } | undefined {
    const nowMs = this.#options.time.monotonicMs();
    let next: { alert: Alert; turn: Turn } | undefined;
    for (const alert of alerts) {
      const turn = this.#turns.get(alert.name);
      if (turn !== undefined && turn.dueMs <= nowMs && turn.dueMs < (next?.turn.dueMs ?? Number.POSITIVE_INFINITY))
        next = { alert, turn };
    }
    return next;
  }

  async #measure(alert: Alert, turn: Turn, signal: AbortSignal): Promise<void> {
    const { time } = this.#options;
    const measured = await this.#measured(alert, signal);
    // Its file changed or was removed, or the service stops.
    if (signal.aborted) return;
    const nowMs = time.monotonicMs();
    const missed = Math.floor((nowMs - turn.dueMs) / alert.everyMs);
    this.#counts.skipped += missed;
    turn.dueMs += (missed + 1) * alert.everyMs;
    if (!measured.ok) return this.#cannotMeasure(alert, turn, measured.problem);
    this.#counts.measured += 1;
    turn.problem = undefined;
    turn.last = { value: measured.value, at: new Date(time.nowMs()).toISOString() };
    this.#change(alert, turn.last);
  }

  /** A failure of our own must not end the service: log and health tell it, like the failure of an alert's SQL. */
  async #measured({ sql }: Alert, signal: AbortSignal): Promise<Measured> {
    try {
      return await this.#options.measure(sql, signal);
    } catch (error) {
      return { ok: false, problem: messageOf(error) };
    }
  }

  #cannotMeasure({ name }: Alert, turn: Turn, problem: string): void {
    this.#counts.failed += 1;
    // Once for each reason: an alert of every second would fill the log.
    if (turn.problem !== problem) this.#options.log.warn({ alert: name, problem }, "an alert cannot be measured");
    turn.problem = problem;
  }

  #change(alert: Alert, measured: { value: number; at: string }): void {
    const before = this.#states.get(alert.name)?.state ?? "resolved";
    const state = isBeyond(alert, measured.value) ? "firing" : "resolved";
    if (state === before) return;
    this.#options.log.info({ alert: alert.name, state, value: measured.value }, "an alert changed its state");
    const changed: AlertState = { state, ...measured, isSent: false };
    this.#states.set(alert.name, changed);
    if (this.#keep()) this.#delivery.look(alert, changed);
  }

  /** The receiver may have taken a state that has changed since: then the newest is still to be sent. */
  #onTaken({ alert, at }: { alert: string; at: string }): void {
    const state = this.#states.get(alert);
    if (state?.at !== at) return;
    state.isSent = true;
    this.#keep();
  }

  /** Writes the states; false if the disk refuses: the next look sends them all the same. */
  #keep(): boolean {
    try {
      keepAlertStates(this.#options.folder, this.#states);
      return true;
    } catch (error) {
      this.#options.log.error(
        { error: messageOf(error) },
        "states of alerts not written; a restart may send them again",
      );
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopLooking();
    this.#stopping.abort();
    await Promise.all([this.#delivery.stop(), this.#measuring?.ended]);
  }
}
