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

/** Sends what is open, mixed into new events, until the service is gone or `isOver` says so. */
export async function writeUntilGone(
  service: Service,
  { ledger, random, open }: Writing,
  isOver: () => boolean = () => false,
): Promise<void> {
  while (!isOver()) {
    const retried = open.splice(0, random.between({ from: 0, to: 5 }));
    const ids = [...retried, ...Ledger.ids(random.between({ from: retried.length > 0 ? 0 : 1, to: 12 }))];
    const answer = await ledger.send(service, shuffled(ids, random), { alone: ids.length === 1 && random.onceIn(2) });
    if (answer === "unanswered") return;
    // A client that was refused waits, as it was told to; not the whole second, which would be all of a round.
    if (answer === "refused") await Bun.sleep(20);
  }
}

function shuffled(ids: readonly string[], random: Random): string[] {
  const left = [...ids];
  return ids.flatMap(() => left.splice(random.between({ from: 0, to: left.length - 1 }), 1));
}
