/** Journal files laid into a data folder before a service starts on it, with times and ids that a test chooses. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { type LinedRow, rowOf } from "../../src/event/line/row.ts";
import type { ValidEvent } from "../../src/event/parse/validate.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { commitLine } from "../../src/journal/format.ts";
import { journalName } from "../../src/store/folder/names.ts";
import { linesOf, validEvent } from "./rows.ts";
import type { Service } from "./service.ts";

/** An event as a shard accepted it once. */
export interface Accepted {
  readonly receivedMs: number;
  readonly event?: Partial<ValidEvent>;
  readonly client?: string;
  readonly subject?: string;
}

function rowOfAccepted({ receivedMs, event, client, subject }: Accepted): LinedRow {
  const acceptance = {
    receivedAt: timestampOfMs(receivedMs),
    subjectText: JSON.stringify(subject ?? "tester"),
    clientIdText: JSON.stringify(client ?? null),
  };
  return rowOf(validEvent(event), acceptance, false);
}

/** Lays one journal file of one group; `change` may spoil a line. */
export function layEvents(
  dataDir: string,
  place: { readonly shard?: number; readonly from: number },
  events: readonly Accepted[],
  change: (line: string) => string = (line) => line,
): void {
  const rows = events.map(rowOfAccepted).map((row) => ({ ...row, line: change(row.line) }));
  const group = linesOf(rows);
  const from = sequence(place.from);
  mkdirSync(join(dataDir, "journal"), { recursive: true });
  writeFileSync(
    join(dataDir, "journal", journalName({ shard: shardId(place.shard ?? 0), from })),
    Buffer.concat([group.lines, Buffer.from(commitLine({ sequence: from, ...group }))]),
  );
}

/** Where a journal file is laid, and its events. */
type Laid = readonly [place: { readonly shard?: number; readonly from: number }, events: readonly Accepted[]];

/**
 * Lays journal files and has each become a segment of its own. What one start finds of a shard becomes one segment, so
 * the service is started for the first file of every shard, then for the second ones, and so on. Sequences must have no
 * gaps. The service runs before and after.
 */
export async function sealLaid(service: Service, laid: readonly Laid[]): Promise<void> {
  const ofShards = Map.groupBy(laid, ([{ shard = 0 }]) => shard);
  const starts = Math.max(...[...ofShards.values()].map((files) => files.length));
  for (let start = 0; start < starts; start++) {
    await service.stop();
    for (const [place, events] of [...ofShards.values()].flatMap((files) => files.slice(start, start + 1)))
      layEvents(service.dataDir, place, events);
    await service.restart();
    await service.waitSealed();
  }
}
