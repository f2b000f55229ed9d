/**
 * What becomes of the requests of a message, until their answers leave. All that joined a group wait for one promise of
 * it: a promise for each request would leave more garbage than the request itself.
 */
import type { AppendAnswer } from "../protocol.ts";

/** The answer to a request whose rows joined a group: it holds if `durable` resolves to true. */
export type Joined = { kind: "accepted"; body: string; durable: Promise<boolean> };

/** What becomes of a request: an answer, or one that waits for its group. */
export type Admitted = AppendAnswer | Joined;

/** The answers, in their order, once all groups are durable or failed. The list is used for the answers. */
export async function answered(admitted: (Admitted | Promise<Admitted>)[]): Promise<AppendAnswer[]> {
  // Only where an id is pending elsewhere or a body is parsed elsewhere does a request have a promise of its own.
  const answers: Admitted[] = admitted.every(isKnown) ? admitted : await Promise.all(admitted);
  let durable: Promise<boolean> | undefined;
  let isDurable = false;
  for (let index = 0; index < answers.length; index++) {
    const each = answers[index];
    if (each === undefined || !("durable" in each)) continue;
    if (each.durable !== durable) {
      durable = each.durable;
      isDurable = await durable;
    }
    if (!isDurable) answers[index] = notStored;
  }
  return answers;
}

const isKnown = (each: Admitted | Promise<Admitted>): each is Admitted => !(each instanceof Promise);

const notStored: AppendAnswer = { kind: "overloaded", reason: "commit_failed" };
