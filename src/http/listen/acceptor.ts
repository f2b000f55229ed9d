/**
 * Worker entry of an acceptor: one more thread that listens on the service's port. The kernel distributes the
 * connections.
 *
 * It answers the endpoints that the table marks for every thread, from shared memory; it forwards the rest to the main
 * thread.
 */
import { bornWith, type Door, type Handlers, handlerOf } from "../../actor/serve.ts";
import { systemClock } from "../../base/clock.ts";
import { ActorDied, AddressRefused, messageOf } from "../../base/errors.ts";
import { openLog } from "../../base/log.ts";
import { Board } from "../../shard/board.ts";
import { Dispatcher } from "../../shard/lanes/dispatcher.ts";
import type { ShardLane } from "../../shard/lanes/lane.ts";
import { application } from "../edge/application.ts";
import { RefusalCounters } from "../edge/counters.ts";
import { Gate } from "../edge/gate.ts";
import { Receipt } from "../edge/receipt.ts";
import { endpoints } from "../endpoints.ts";
import { Authenticator } from "../token/auth.ts";
import type {
  AcceptorAnswers,
  AcceptorOptions,
  AcceptorQuestion,
  AcceptorReplies,
  AcceptorRequest,
} from "./acceptor-protocol.ts";
import { forward } from "./forward.ts";
import { addRoute, admitted } from "./routes.ts";
import { bind } from "./server.ts";

const options = bornWith() as AcceptorOptions;

/** Refusals are reported to the main thread this often, so a scrape's count is at most this old. ms */
const tellEveryMs = 100;

const drainLookMs = 5;

const boards = options.boards.map((memory) => new Board(memory));
const gate = new Gate(options.gate);
const refusals = new RefusalCounters();

/** How this thread asks the main thread. */
type AcceptorDoor = Door<AcceptorQuestion, AcceptorAnswers>;

const laneOver = (door: AcceptorDoor, { board, shard }: { board: Board; shard: number }): ShardLane => ({
  get isReady() {
    return board.peek("ready") === 1;
  },
  append: async (requests) => {
    try {
      return await door.ask({ kind: "append", shard, requests }, [requests.buffer]);
    } catch (error) {
      throw new ActorDied(messageOf(error), { cause: error });
    }
  },
});

function handlersOf(door: AcceptorDoor): Handlers<AcceptorRequest, AcceptorReplies> {
  const dispatcher = Dispatcher.open({
    shards: boards.map((board, shard) => laneOver(door, { board, shard })),
    boards: options.boards,
    bufferEventsMax: options.limits.bufferEventsMax,
  });
  const app = appOver(dispatcher);
  return {
    recover: async () => {
      try {
        bind(app, { host: options.host, port: options.port, isShared: true });
      } catch (error) {
        if (error instanceof AddressRefused) return { refused: error.message };
        throw error;
      }
      setInterval(() => {
        const byReason = refusals.take();
        if (byReason.length > 0) door.tell({ kind: "refusals", byReason });
      }, tellEveryMs);
      return { refused: undefined };
    },
    drained: async ({ giveUpAtMs }) => {
      while (dispatcher.requestsInFlight > 0 && systemClock.monotonicMs() < giveUpAtMs) await Bun.sleep(drainLookMs);
      return undefined;
    },
  };
}

function appOver(dispatcher: Dispatcher) {
  const context = {
    auth: new Authenticator({ ...options.auth, clock: systemClock }),
    clock: systemClock,
    log: openLog(options.logLevel, "acceptor"),
    refusals,
    limits: options.limits,
    receipt: new Receipt(options.receipt, options.thread),
    isAccepting: () => gate.isAccepting,
    isDiskLow: () => gate.isDiskLow,
    requireRoom: () => dispatcher.requireRoom(),
    submit: dispatcher.submit.bind(dispatcher),
    boards: () => boards.map((board) => board.read()),
  };
  const app = application(context);
  for (const endpoint of endpoints) {
    const to = { address: options.innerAddress, path: endpoint.path };
    if (endpoint.answeredBy === "every thread") addRoute(app, endpoint, admitted(context, endpoint));
    else addRoute(app, endpoint, ({ request, server }) => forward(request, to, server));
  }
  return app;
}

/** What piscina calls. */
export const handle = handlerOf(handlersOf);
