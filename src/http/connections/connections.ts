/**
 * The bound of open connections. The runtime has no hook for a new connection and does not count those that send
 * nothing: it accepts until the descriptors are used up, and then spins. So the process's sockets are checked ten times
 * a second, and connections past the bound are ended with `shutdown`: the runtime sees the end of the connection and
 * closes it.
 */
import { descriptorsOpen } from "../../base/descriptors.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { planClosing } from "./plan-closing.ts";
import { Sockets } from "./sockets.ts";

/** A check costs 10 us while few descriptors are open. ms */
const lookEveryMs = 100;

/**
 * Checks are this frequent while there are too many connections: waiting ones are accepted as soon as others end. ms
 */
const crowdedLookMs = 20;

/** After this long with too many connections the service warns. ms */
const crowdedMsMax = 10_000;

/** After this long without too many connections the warning ends. ms */
const calmMs = 10_000;

/** How many descriptors are checked when there is no limit. */
const descriptorsMax = 1 << 20;

/** The port, the bound, and what the checks need. */
type ConnectionsOptions = {
  port: number;
  max: number;
  /** The process's limit of open files, if known. */
  limit: number | undefined;
  log: Log;
};

/** Keeps the connections of the process within their bound. */
export class Connections implements Disposable {
  readonly #options: ConnectionsOptions;
  readonly #sockets: Sockets | undefined;
  #before: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #closed = 0;
  #crowdedFromMs: number | undefined;
  #crowdedAtMs = 0;

  /** Checks until it is disposed. If the system has no way to check, it logs that once and does nothing. */
  static open(options: ConnectionsOptions): Connections {
    const connections = new Connections(options, Sockets.open());
    if (connections.#sockets === undefined || descriptorsOpen() === undefined)
      options.log.warn("connections cannot be counted on this system, so their number is not bounded");
    else connections.#lookAfter(lookEveryMs);
    return connections;
  }

  private constructor(options: ConnectionsOptions, sockets: Sockets | undefined) {
    this.#options = options;
    this.#sockets = sockets;
  }

  /** Open connections; undefined when they cannot be counted. */
  get open(): number | undefined {
    return this.#seen()?.length;
  }

  /** The bound of connections. */
  get max(): number {
    return this.#options.max;
  }

  /** Connections that were ended because there were too many. */
  get closed(): number {
    return this.#closed;
  }

  /** Warnings for the operator; empty while the bound is enough. */
  get warnings(): readonly string[] {
    if (this.#crowdedFromMs === undefined || performance.now() - this.#crowdedFromMs < crowdedMsMax) return [];
    return [
      `more than ${this.#options.max} connections are wanted, and ${this.#closed} were closed so far; find out who opens them, or raise MILLRACE_CONNECTIONS_MAX and the limit of open files`,
    ];
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      let isCrowded = false;
      try {
        isCrowded = this.#look();
      } catch (error) {
        this.#options.log.error({ error: messageOf(error) }, "connections not counted; tried again");
      }
      this.#lookAfter(isCrowded ? crowdedLookMs : lookEveryMs);
    }, ms);
  }

  /** Ends the connections past the bound; returns whether there were any. */
  #look(): boolean {
    const { max, log } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#crowdedAtMs > calmMs) this.#crowdedFromMs = undefined;
    // Each connection has a descriptor, so with no more descriptors than `max` there are not too many connections.
    if ((descriptorsOpen() ?? 0) <= max) return false;
    const connections = this.#seen() ?? [];
    const ending = planClosing(connections, { max, before: this.#before });
    for (const connection of ending) this.#sockets?.end(connection);
    const ended = new Set(ending);
    this.#before = new Set(connections.filter((connection) => !ended.has(connection)).map(({ key }) => key));
    if (connections.length <= max) return false;
    this.#closed += ending.length;
    if (this.#crowdedFromMs === undefined)
      log.warn({ connections: connections.length, max }, "too many connections; those past the bound are closed");
    this.#crowdedFromMs ??= nowMs;
    this.#crowdedAtMs = nowMs;
    return true;
  }

  #seen() {
    return this.#sockets?.connections(this.#options.port, {
      open: descriptorsOpen() ?? Number.POSITIVE_INFINITY,
      limit: Math.min(this.#options.limit ?? descriptorsMax, descriptorsMax),
    });
  }
}
