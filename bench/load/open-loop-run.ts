/**
 * The open loop itself. Invariants:
 * - Only the schedule decides when a request is due, and its latency counts from then, wherever it waited.
 * - A connection carries one request at a time. A request without a free connection waits in a bounded queue.
 */
import { Connection } from "./connection.ts";
import type { Order, Report } from "./generator-protocol.ts";
import { newHistogram, packHistogram, record } from "./latency.ts";
import { Schedule } from "./schedule.ts";
import { Tally } from "./tally.ts";
import { IdWriter, Template } from "./template.ts";
import { TimeQueue } from "./time-queue.ts";

/** The shortest timer of this runtime; answers in between check the clock, too. */
const lookEveryMs = 1;

/** Connections opened at once, so that no server's listen backlog overflows. */
const openingMax = 64;

/** How often broken connections are reopened: a server that closes all connections is not measured further. */
const reopeningsPerConnection = 10;

/** One load, from its first connection to its report. */
export class OpenLoopRun {
  readonly #order: Order;
  readonly #templates: readonly Template[];
  readonly #ids: IdWriter;
  readonly #schedule: Schedule;
  readonly #queue: TimeQueue;
  readonly #tally = new Tally();
  readonly #sendLag = newHistogram();
  readonly #all = new Set<Connection>();
  /** First in, first out, so that all connections take part, as real clients would. */
  #free: Connection[] = [];
  #freeNext = 0;
  readonly #ended = Promise.withResolvers<void>();
  #startedMs = Number.POSITIVE_INFINITY;
  #turn = 0;
  #due = 0;
  #sent = 0;
  #broken = 0;
  #dropped = 0;
  #reopenings = 0;
  #isOver = false;

  constructor(order: Order, bodies: readonly string[]) {
    const { hostname, port, path, token, perSecond, seed } = order;
    const host = `${hostname}:${port}`;
    this.#order = order;
    this.#templates = bodies.map((body) => new Template(body, { host, path, token }));
    this.#ids = new IdWriter(order.runTag);
    this.#schedule = new Schedule({ perSecond, seed });
    this.#queue = new TimeQueue(order.queueMax);
  }

  /**
   * Opens the connections, puts the load on, waits for the last answers.
   * @throws Error the server takes no connection, or what it answers is not HTTP
   */
  async run(): Promise<Report> {
    for (let opened = 0; opened < this.#order.connections; opened += openingMax) {
      const count = Math.min(openingMax, this.#order.connections - opened);
      await Promise.all(Array.from({ length: count }, () => this.#open()));
    }
    const cpuBefore = process.cpuUsage();
    this.#startedMs = performance.now();
    const timer = setInterval(() => this.#look(), lookEveryMs);
    const deadlineMs = (this.#order.seconds + this.#order.drainSeconds) * 1e3;
    const deadline = setTimeout(() => this.#ended.resolve(), deadlineMs);
    try {
      await this.#ended.promise;
    } finally {
      this.#isOver = true;
      clearInterval(timer);
      clearTimeout(deadline);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    const endMs = this.#nowMs();
    const report: Report = {
      due: this.#due,
      sent: this.#sent,
      broken: this.#broken,
      unanswered: this.#busyCount(),
      dropped: this.#dropped,
      unsent: this.#queue.count,
      cpuSeconds: (user + system) / 1e6,
      wallSeconds: endMs / 1e3,
      sendLag: packHistogram(this.#sendLag),
      ...this.#tally.told(endMs),
    };
    for (const connection of this.#all) connection.end();
    return report;
  }

  /** Called by a connection whose answer has come. */
  answered(connection: Connection, status: number): void {
    const { intendedMs, sentMs } = connection;
    this.#tally.answer(status, { intendedMs, sentMs, answeredMs: this.#nowMs() });
    this.#free.push(connection);
    this.#look();
  }

  /** Called by a connection that is closed: another takes its place. */
  closed(connection: Connection): void {
    if (this.#isOver || !this.#all.delete(connection)) return;
    if (connection.isBusy) this.#broken += 1;
    this.#free = this.#free.slice(this.#freeNext).filter((each) => each !== connection);
    this.#freeNext = 0;
    this.#reopenings += 1;
    if (this.#reopenings > this.#order.connections * reopeningsPerConnection) {
      this.#ended.reject(new Error("the server closes its connections again and again"));
      return;
    }
    this.#open().then(() => this.#look(), this.#ended.reject);
  }

  /** Called when something other than an answer came: nothing can be measured then. */
  failed(error: Error): void {
    this.#ended.reject(error);
  }

  async #open(): Promise<void> {
    const connection = await Connection.open(this, this.#order);
    if (this.#isOver) return connection.end();
    this.#all.add(connection);
    this.#free.push(connection);
  }

  /** Sends due requests while connections are free. */
  #look(): void {
    const nowMs = this.#nowMs();
    if (nowMs < 0 || this.#isOver) return;
    const waitedBefore = this.#queue.count;
    this.#queueWhatIsDue(nowMs);
    for (let taken = 0; this.#freeNext < this.#free.length; taken += 1) {
      const intendedMs = this.#queue.shift();
      if (intendedMs === undefined) break;
      const sentMs = this.#send(intendedMs);
      // A request that waited for a connection waited for the server; one that found a free connection waited for this
      // process.
      if (taken >= waitedBefore) record(this.#sendLag, sentMs - intendedMs);
    }
    if (nowMs < this.#order.seconds * 1e3 || this.#queue.count > 0 || this.#busyCount() > 0) return;
    this.#ended.resolve();
  }

  #queueWhatIsDue(nowMs: number): void {
    const untilMs = Math.min(nowMs, this.#order.seconds * 1e3);
    for (; this.#schedule.nextMs <= untilMs; this.#schedule.advance()) {
      this.#due += 1;
      if (this.#queue.isFull) this.#dropped += 1;
      else this.#queue.push(this.#schedule.nextMs);
    }
  }

  #send(intendedMs: number): number {
    const connection = this.#free[this.#freeNext];
    const template = this.#templates[this.#turn % this.#templates.length];
    if (connection === undefined || template === undefined) throw new Error("nothing to send, or nowhere to");
    this.#freeNext += 1;
    // Removed in large pieces: removing one at a time would move the whole list each time.
    if (this.#freeNext === this.#free.length || this.#freeNext > 4 * this.#order.connections) {
      this.#free = this.#free.slice(this.#freeNext);
      this.#freeNext = 0;
    }
    this.#turn += 1;
    this.#sent += 1;
    const request = template.next(this.#ids);
    const sentMs = this.#nowMs();
    connection.send(request, { intendedMs, sentMs });
    return sentMs;
  }

  #busyCount(): number {
    return this.#all.size - (this.#free.length - this.#freeNext);
  }

  #nowMs(): number {
    return performance.now() - this.#startedMs;
  }
}
