/** The one audit of all scenarios: of a service that was loaded, or of a folder whose events are known. */
import { AuditFailed, complaintsAbout, countStored } from "../system/audit.ts";
import type { Service } from "../system/service.ts";

/** What the clients know. Events. */
export interface Sent {
  readonly acknowledged: number;
  /** Sent, and without an answer when the load ended. */
  readonly unansweredMax: number;
}

/**
 * Asks the service for its count, stops it, counts what it stored, and returns a line for the report.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function auditService(service: Service, sent: Sent): Promise<string> {
  const { totalEvents } = await service.stats();
  await service.stop();
  return await auditFolder(service.dataDir, { ...sent, counted: totalEvents });
}

/**
 * Counts what a folder holds and returns a line for the report.
 * @throws AuditFailed it holds something else than was acknowledged
 */
export async function auditFolder(dataDir: string, ledger: Sent & { counted: number }): Promise<string> {
  const found = await countStored(dataDir);
  const complaints = complaintsAbout({ ...ledger, ...found });
  if (complaints.length > 0) throw new AuditFailed(complaints);
  const [acknowledged, open, stored] = [ledger.acknowledged, ledger.unansweredMax, found.stored].map((events) =>
    events.toLocaleString("en-US"),
  );
  const unanswered = ledger.unansweredMax === 0 ? "" : `, at most ${open} sent without an answer`;
  return `${acknowledged} events acknowledged${unanswered}, ${stored} stored, none twice`;
}
