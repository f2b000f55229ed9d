/** The thread's side of an actor: typed requests to typed replies. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { invariant } from "../base/invariant.ts";
import { answerOn } from "./wire.ts";

/** Answers each kind of request with its own kind of reply. */
export type Handlers<Request extends { kind: PropertyKey }, Replies extends Record<Request["kind"], unknown>> = {
  [Kind in Request["kind"]]: (request: Extract<Request, { kind: Kind }>) => Promise<Replies[Kind]>;
};

/** The one task of a thread: to answer on a port from now on. */
export type Connect = { port: MessagePort };

/** What a worker entry exports as `handle`: piscina calls it once, and requests and replies to questions come over the port. */
export function handlerOf<Request extends { kind: string }, Replies extends Record<Request["kind"], unknown>>(
  handlers: Handlers<Request, Replies>,
): (connect: Connect) => void {
  const answer = async (message: Request | Told) => (isTold(message) ? told(message) : handle(handlers, message));
  // Both ends are this program: what comes is a request of this actor.
  return ({ port }) => answerOn(port, (message) => answer(message as Request | Told));
}

/** Gives a request to the handler of its kind. */
export async function handle<Request extends { kind: string }, Replies extends Record<Request["kind"], unknown>>(
  handlers: Handlers<Request, Replies>,
  request: Request,
): Promise<unknown> {
  // The table's type binds each kind to its handler; a lookup by a kind that is not known yet cannot keep that.
  const handler: unknown = Reflect.get(handlers, request.kind);
  invariant(typeof handler === "function", `this actor answers ${request.kind}`);
  return handler(request);
}

const isTold = (message: { kind: string }): message is Told => message.kind === "told";

/** What an actor answers when it is asked to recover: why it cannot go on without a person, or undefined. */
export type Recovery = { refused: string | undefined };

/** What the actor was born with. */
export const bornWith = (): unknown => workerData;

/** Tells the main thread something unasked. What stands in `moved` is gone from this thread afterwards. */
export function notify(notice: object, moved: ArrayBuffer[] = []): void {
  invariant(parentPort !== null, "an actor runs in a thread of its own");
  parentPort.postMessage(notice, moved);
}

/** A request of an actor to whoever the main thread passes it on to. */
export type Question = { kind: "question"; id: number; request: unknown };

/** The answer to a question; `error` is a text where there is no reply. */
export type Told = { kind: "told"; id: number; reply: unknown; error: string | undefined };

const questions = new Map<number, PromiseWithResolvers<unknown>>();
let lastQuestion = 0;

/**
 * Asks the main thread, which passes the question on and brings the reply back through `told`. What stands in `moved` is gone
 * from this thread afterwards.
 * @throws Error with the text of what went wrong there
 */
export function askOutside(request: object, moved: ArrayBuffer[] = []): Promise<unknown> {
  const id = ++lastQuestion;
  const question = Promise.withResolvers<unknown>();
  questions.set(id, question);
  notify({ kind: "question", id, request } satisfies Question, moved);
  return question.promise;
}

function told(answer: Told): void {
  const question = questions.get(answer.id);
  questions.delete(answer.id);
  if (answer.error === undefined) question?.resolve(answer.reply);
  else question?.reject(new Error(answer.error));
}
