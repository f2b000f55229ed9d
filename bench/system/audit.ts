/** Counts what was stored, as an analyst would: through the catalog, read-only, with no help from the service. */
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

/** What the clients know, and what the files hold. Events. */
export interface Ledger {
  /** Answered with 2xx. */
  readonly acknowledged: number;
  /** Sent, and without an answer when the load ended: each may have been stored or not. */
  readonly unansweredMax: number;
  /** The service's own count, taken after the load and before it was stopped. */
  readonly counted: number;
  /** Rows of `events`. */
  readonly stored: number;
  /** Different `event_id`s among them. */
  readonly distinct: number;
}

/** The files do not hold what was acknowledged, so the figures are void. */
export class AuditFailed extends Error {
  override readonly name = "AuditFailed";

  constructor(complaints: readonly string[]) {
    super(`the audit failed, so there are no figures:\n${complaints.map((complaint) => `  ${complaint}`).join("\n")}`);
  }
}

/** Says what does not match; nothing if everything does. */
export function complaintsAbout(ledger: Ledger): string[] {
  const { acknowledged, unansweredMax, counted, stored, distinct } = ledger;
  const storedMax = acknowledged + unansweredMax;
  const complaints: string[] = [];
  if (stored < acknowledged)
    complaints.push(`${acknowledged - stored} of ${acknowledged} acknowledged events are lost`);
  if (stored > storedMax) complaints.push(`${stored} events are stored where ${storedMax} at most were sent`);
  if (distinct !== stored) complaints.push(`${stored - distinct} of ${stored} stored events are there twice`);
  if (counted < acknowledged || counted > stored) {
    complaints.push(`stats counted ${counted}, of ${acknowledged} acknowledged and ${stored} stored`);
  }
  return complaints;
}

/**
 * Counts the rows and the ids of `events` in a data folder.
 * @throws Error the catalog cannot be opened or read
 */
export async function countStored(dataDir: string): Promise<{ stored: number; distinct: number }> {
  const instance = await DuckDBInstance.create(join(dataDir, "millrace.duckdb"), { access_mode: "READ_ONLY" });
  try {
    const connection = await instance.connect();
    const answer = await connection.runAndReadAll("SELECT count(*), count(DISTINCT event_id) FROM events");
    const [stored, distinct] = answer.getRows()[0] ?? [];
    return { stored: Number(stored), distinct: Number(distinct) };
  } finally {
    instance.closeSync();
  }
}
