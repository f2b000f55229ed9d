/**
 * Hands changes of alerts to their webhooks.
 *
 * Invariants:
 * - Of one alert one message is under way at a time, and the newest state is the one that is sent next.
 * - Only the receiver that the alert names now counts: what is under way to another one is ended, and its answer is not
 *   heard.
 * - A message is sent again after a pause until the receiver has taken it, `pausesMs.length + 1` times at most; then it
 *   waits for the alert's next change, or for a restart.
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Alert } from "./alert.ts";
import type { AlertState } from "./state.ts";
import { type AlertMessage, postMessage } from "./webhook.ts";

/** Pauses between tries: a receiver that restarts is reached within seconds, one that is away for an hour, too. ms */
const pausesMs = [1, 5, 15, 60, 300, 900, 1_800, 3_600].map((seconds) => seconds * 1000);

type Tries = { at: string; webhook: string; failures: number; nextMs: number; underWay: AbortController | undefined };

/** What a delivery works with; `onTaken` is called once a receiver has taken a message. */
type DeliveryOptions = { log: Log; clock: Clock; onTaken: (message: AlertMessage) => void };

/** The messages of a service's alerts. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #tries = new Map<string, Tries>();
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #sent = 0;
  #failed = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** How many messages receivers have taken, and how many tries failed. */
  get counts(): { sent: number; failed: number } {
    return { sent: this.#sent, failed: this.#failed };
  }

  /** Sends what an alert has not sent, if it is due. */
  look(alert: Alert, { state, value, at, isSent }: AlertState): void {
    if (isSent || this.#stopping.signal.aborted) return;
    const nowMs = this.#options.clock.monotonicMs();
    const { name, webhook } = alert;
    const before = this.#tries.get(name);
    const isSameReceiver = before?.webhook === webhook;
    if (!isSameReceiver) before?.underWay?.abort();
    else if (before.underWay !== undefined) return;
    // Another change begins with no failures, and so does another receiver.
    const tries: Tries =
      isSameReceiver && before.at === at ? before : { at, webhook, failures: 0, nextMs: nowMs, underWay: undefined };
    this.#tries.set(name, tries);
    if (tries.failures > pausesMs.length || nowMs < tries.nextMs) return;
    const sending = this.#send({ alert: name, state, value, at }, tries);
    this.#underWay.add(sending);
    sending.then(() => this.#underWay.delete(sending));
  }

  async #send(message: AlertMessage, tries: Tries): Promise<void> {
    const { clock, log, onTaken } = this.#options;
    const { alert, state } = message;
    const underWay = new AbortController();
    tries.underWay = underWay;
    const signal = AbortSignal.any([underWay.signal, this.#stopping.signal]);
    const problem = await postMessage(tries.webhook, message, signal);
    tries.underWay = undefined;
    if (underWay.signal.aborted) return;
    if (problem === undefined) {
      this.#sent += 1;
      log.info({ alert, state }, "the webhook has taken the state of an alert");
      onTaken(message);
      return;
    }
    if (this.#stopping.signal.aborted) return;
    this.#failed += 1;
    const pauseMs = pausesMs[tries.failures];
    tries.failures += 1;
    tries.nextMs = clock.monotonicMs() + (pauseMs ?? 0);
    const next = pauseMs === undefined ? "not sent again before its next change" : `sent again in ${pauseMs / 1000} s`;
    log.warn({ alert, state, problem, next }, "the webhook has not taken the state of an alert");
  }

  /** What is wrong with the webhook of an alert; undefined if nothing is. */
  problemOf(alert: string): string | undefined {
    const tries = this.#tries.get(alert);
    if (tries === undefined || tries.failures === 0) return undefined;
    return tries.failures > pausesMs.length
      ? `has not been taken ${tries.failures} times, and is not sent again before its next change or a restart`
      : "is not taken, and is sent again";
  }

  /** The alert was removed: what is under way to its receiver is ended. */
  forget(alert: string): void {
    this.#tries.get(alert)?.underWay?.abort();
    this.#tries.delete(alert);
  }

  /** The alert was changed: what is not sent is due at once. What is under way stays, if its webhook does. */
  renew(alert: string): void {
    const tries = this.#tries.get(alert);
    if (tries?.underWay === undefined) this.#tries.delete(alert);
  }

  /** Ends what is under way. The next start sends it again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }
}
