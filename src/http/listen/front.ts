/** Everything that listens: the main thread's server and, if configured, acceptors on the same port. */
import { ActorHost } from "../../actor/host.ts";
import { AddressRefused, messageOf } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { LogLevel } from "../../base/log.ts";
import type { ShardLane } from "../../shard/lanes/lane.ts";
import type { ConnectionBound } from "../connections/bound.ts";
import { Connections } from "../connections/connections.ts";
import type { HttpContext, Limits } from "../context.ts";
import { Receipt } from "../edge/receipt.ts";
import type { AuthOptions } from "../token/auth.ts";
import type {
  AcceptorAnswers,
  AcceptorOptions,
  AcceptorQuestion,
  AcceptorReplies,
  AcceptorRequest,
} from "./acceptor-protocol.ts";
import { type HttpServer, listen } from "./server.ts";

type Acceptor = ActorHost<AcceptorRequest, AcceptorReplies, AcceptorQuestion, AcceptorAnswers>;

/** Where to listen, with how many threads, and what acceptors need from the service. */
type FrontOptions = {
  host: string;
  port: number;
  /** Threads that accept requests, including this one. */
  threads: number;
  auth: Omit<AuthOptions, "clock">;
  shards: readonly ShardLane[];
  boards: SharedArrayBuffer[];
  gate: SharedArrayBuffer;
  bound: ConnectionBound;
  logLevel: LogLevel;
};

/** Loopback only: just the acceptors should call it. Its endpoints require the same tokens. */
const innerHost = "127.0.0.1";

/** The listening threads; made by `Front.open`. */
export class Front {
  /** The bound address, `http://HOST:PORT`. */
  readonly address: string;
  /** Keeps the number of open connections within its bound. */
  readonly connections: Connections;
  readonly #receipt: Receipt;
  readonly #acceptors: readonly Acceptor[];
  readonly #scope: AsyncDisposableStack;

  private constructor(
    parts: { address: string; connections: Connections; receipt: Receipt; acceptors: readonly Acceptor[] },
    scope: AsyncDisposableStack,
  ) {
    this.address = parts.address;
    this.connections = parts.connections;
    this.#receipt = parts.receipt;
    this.#acceptors = parts.acceptors;
    this.#scope = scope;
  }

  /**
   * Listens with all threads. If one of them cannot start, all are closed.
   * @throws AddressRefused when the address is not available; ActorRefused or Error when an acceptor cannot start
   */
  static async open(given: Omit<HttpContext, "receipt">, options: FrontOptions): Promise<Front> {
    const { host, threads } = options;
    await using scope = new AsyncDisposableStack();
    const receipt = new Receipt();
    const context = { ...given, receipt };
    if (threads > 1) requireFree(host, options.port);
    const listening = (at: { host: string; port: number; isShared: boolean }): HttpServer =>
      scope.adopt(listen(context, at), (server) => server.stop());
    const outer = listening({ host, port: options.port, isShared: threads > 1 });
    const acceptors: Acceptor[] = [];
    if (threads > 1) {
      const inner = listening({ host: innerHost, port: 0, isShared: false });
      for (let thread = 1; thread < threads; thread++)
        acceptors.push(
          scope.adopt(openAcceptor({ context, options, thread, outer, inner }), (acceptor) => acceptor.destroy()),
        );
    }
    const connections = scope.use(Connections.open({ port: outer.port, ...options.bound, log: context.log }));
    await Promise.all(acceptors.map((acceptor) => acceptor.start()));
    return new Front({ address: outer.address, connections, receipt, acceptors }, scope.move());
  }

  /** Bytes of request bodies that all threads hold. */
  get bodyBytes(): number {
    return this.#receipt.bytes;
  }

  /** The acceptors, for tests that end them. */
  get acceptors(): readonly Acceptor[] {
    return this.#acceptors;
  }

  /**
   * Waits until no acceptor's request is at a shard, or until `giveUpAtMs` of the monotonic clock. Call it once the
   * gate is closed.
   */
  async drained(giveUpAtMs: number): Promise<void> {
    const living = this.#acceptors.filter((acceptor) => acceptor.isReady);
    // An acceptor that dies meanwhile has nothing in flight any more.
    await Promise.allSettled(living.map((acceptor) => acceptor.ask({ kind: "drained", giveUpAtMs })));
  }

  /** Ends all listening; open connections are closed. */
  async close(): Promise<void> {
    await this.#scope.disposeAsync();
  }
}

function openAcceptor(given: {
  context: HttpContext;
  options: FrontOptions;
  thread: number;
  outer: HttpServer;
  inner: HttpServer;
}): Acceptor {
  const { context, options, thread, outer, inner } = given;
  const born: AcceptorOptions = {
    host: options.host,
    port: outer.port,
    innerAddress: inner.address,
    auth: options.auth,
    limits: limitsOf(context.limits),
    boards: options.boards,
    gate: options.gate,
    receipt: context.receipt.memory,
    thread,
    logLevel: options.logLevel,
  };
  return ActorHost.open<AcceptorRequest, AcceptorReplies, AcceptorQuestion, AcceptorAnswers>({
    name: `acceptor ${thread}`,
    entry: new URL("./acceptor.ts", import.meta.url),
    options: born,
    log: context.log,
    onDied: () => context.receipt.clear(thread),
    questions: {
      append: async ({ shard, requests }) => {
        const lane = options.shards[shard];
        invariant(lane !== undefined, "an acceptor knows the shards that run");
        return lane.append(requests);
      },
      refusals: async ({ byReason }) => {
        context.refusals.addAll(byReason);
        return undefined;
      },
    },
  });
}

/**
 * Checks that no other process listens there: if all use `reusePort`, the kernel allows any number of listeners.
 * @throws AddressRefused
 */
function requireFree(hostname: string, port: number): void {
  try {
    Bun.serve({ hostname, port, reusePort: false, fetch: () => new Response() }).stop(true);
  } catch (error) {
    throw new AddressRefused(`cannot listen on ${hostname}:${port}: ${messageOf(error)}`, { cause: error });
  }
}

/** Only the limits, without the object's other fields, because the result is cloned into another thread. */
const limitsOf = ({ bodyBytesMax, bufferEventsMax, flushIntervalMs }: Limits): Limits => ({
  bodyBytesMax,
  bufferEventsMax,
  flushIntervalMs,
});
