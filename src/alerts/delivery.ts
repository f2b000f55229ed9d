/**
 * Hands changes of alerts to their webhooks.
 *
 * Invariants:
 * - Of one alert one message is under way at a time, and the newest state is the one that is sent next.
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

type Tries = { at: string; failures: number; nextMs: number; isUnderWay: boolean };

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
    const before = this.#tries.get(alert.name);
    if (before?.isUnderWay === true) return;
    // Another change begins with no failures.
    const tries = before?.at === at ? before : { at, failures: 0, nextMs: nowMs, isUnderWay: false };
    this.#tries.set(alert.name, tries);
    if (tries.failures > pausesMs.length || nowMs < tries.nextMs) return;
    tries.isUnderWay = true;
    const sending = this.#send(alert.webhook, { alert: alert.name, state, value, at }, tries);
    this.#underWay.add(sending);
    sending.then(() => this.#underWay.delete(sending));
  }

  async #send(webhook: string, message: AlertMessage, tries: Tries): Promise<void> {
    const { clock, log, onTaken } = this.#options;
    const { alert, state } = message;
    const problem = await postMessage(webhook, message, this.#stopping.signal);
    tries.isUnderWay = false;
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

  /** The alert was removed, or its webhook may be another one: what is not sent is due at once. */
  forget(alert: string): void {
    if (this.#tries.get(alert)?.isUnderWay !== true) this.#tries.delete(alert);
  }

  /** Ends what is under way. The next start sends it again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }
}
