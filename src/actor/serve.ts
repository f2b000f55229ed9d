/** The thread's side of an actor: typed requests to typed replies. */
import { type MessagePort, workerData } from "node:worker_threads";
import { invariant } from "../base/invariant.ts";
import { answerOn, Wire } from "./wire.ts";

/** Answers each kind of request with its own kind of reply. */
export type Handlers<Request extends { kind: PropertyKey }, Replies extends Record<Request["kind"], unknown>> = {
  [Kind in Request["kind"]]: (request: Extract<Request, { kind: Kind }>) => Promise<Replies[Kind]>;
};

/** A thread's one task: it answers requests on `port` from now on, and asks its own questions over `door`. */
export type Connect = { port: MessagePort; door: MessagePort };

/** For an actor that asks no questions. */
export type NoQuestion = { kind: never };

/** An actor's questions to the host that started it, with the answer to each kind. */
export type Door<Question extends { kind: PropertyKey }, Answers extends Record<Question["kind"], unknown>> = {
  /**
   * Asks, and waits for the answer. Buffers in `moved` are transferred and no longer usable in this thread.
   * @throws Error with the message of what went wrong there
   */
  ask<Asked extends Question>(question: Asked, moved?: ArrayBuffer[]): Promise<Answers[Asked["kind"]]>;
  /** Sends a question that needs no answer. */
  tell(question: Question): void;
};

/**
 * What a worker entry exports as `handle`. piscina calls it once; from then on requests come over one port, and the
 * actor's own questions go out over the door.
 */
export function handlerOf<
  Request extends { kind: string },
  Replies extends Record<Request["kind"], unknown>,
  Question extends { kind: PropertyKey } = NoQuestion,
  Answers extends Record<Question["kind"], unknown> = Record<Question["kind"], undefined>,
>(open: (door: Door<Question, Answers>) => Handlers<Request, Replies>): (connect: Connect) => void {
  return ({ port, door }) => {
    const wire = new Wire(door);
    const handlers = open({
      // The answer's type follows from the question's kind; the host's handlers are checked against the same table.
      ask: async (question, moved) => (await wire.ask(question, moved)) as Answers[(typeof question)["kind"]],
      tell: (question) => wire.tell(question),
    });
    // Both ends are this program, so the message is a request of this actor.
    answerOn(port, (message) => handle(handlers, message as Request));
  };
}

/** Passes a request to the handler of its kind, and returns what that returns: a promise of the reply. */
export function handle<Request extends { kind: string }, Replies extends Record<Request["kind"], unknown>>(
  handlers: Handlers<Request, Replies>,
  request: Request,
): unknown {
  // The table's type binds each kind to its handler; a lookup by a kind known only at run time loses that.
  const handler: unknown = Reflect.get(handlers, request.kind);
  invariant(typeof handler === "function", `this actor answers ${request.kind}`);
  return handler(request);
}

/** An actor's answer to `recover`: why it needs a person, or undefined. */
export type Recovery = { refused: string | undefined };

/** The options that the thread was started with. */
export const bornWith = (): unknown => workerData;
