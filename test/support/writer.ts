/** A client that writes without rest, and sends again what was not answered. */
import { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Service } from "./service.ts";

/** Who writes what; `open` are ids that it sends again, which several writers share. */
interface Writing {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly open: string[];
}

/** Sends what is open, mixed into new events, until the first request that finds no service. */
export async function writeUntilGone(service: Service, writing: Writing): Promise<void> {
  while ((await writeOnce(service, writing)) !== "unanswered");
}

/** The same until `isOver` says so, whatever becomes of single requests and connections. */
export async function writeUntil(service: Service, writing: Writing, isOver: () => boolean): Promise<void> {
  while (!isOver() && service.isRunning) {
    if ((await writeOnce(service, writing)) === "unanswered") await Bun.sleep(pauseMs);
  }
}

/** A client that was refused waits, as it was told to; not a whole second, which would be all of a round. ms */
const pauseMs = 20;

async function writeOnce(service: Service, { ledger, random, open }: Writing) {
  const retried = open.splice(0, random.between({ from: 0, to: 5 }));
  const ids = [...retried, ...Ledger.ids(random.between({ from: retried.length > 0 ? 0 : 1, to: 12 }))];
  const answer = await ledger.send(service, shuffled(ids, random), { alone: ids.length === 1 && random.onceIn(2) });
  if (answer === "refused") await Bun.sleep(pauseMs);
  return answer;
}

function shuffled(ids: readonly string[], random: Random): string[] {
  const left = [...ids];
  return ids.flatMap(() => left.splice(random.between({ from: 0, to: left.length - 1 }), 1));
}
