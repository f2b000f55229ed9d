/** Upkeep that runs during a fault, with a model of what it may leave behind. */
import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { queryFile, single } from "../support/catalog.ts";
import { millrace } from "../support/command.ts";
import { isConnectionLost } from "../support/ledger.ts";
import { entryPath, spawn } from "../support/process.ts";
import type { Random } from "../support/random.ts";
import type { Service } from "../support/service.ts";
import { postAsAdmin } from "../support/upkeep.ts";
import { verified } from "./judge.ts";
import type { Broken, Round } from "./scenario.ts";

/** A running upkeep job. */
export interface UpkeepUnderWay {
  /** Resolves when the job has ended or its process has gone. */
  ended(): Promise<void>;
  /** Returns the promises that it broke. REQUIRES: the service runs again and is healthy. */
  judge(service: Service): Promise<Broken[]>;
}

const jobs = ["nothing", "compact", "erase", "import", "snapshot", "restore"] as const;

/** A job that may run during a fault. */
export type UpkeepJob = (typeof jobs)[number];

/** Starts a job that the seed chooses. */
export async function beginUpkeep(
  service: Service,
  round: Pick<Round, "random" | "folder" | "note">,
): Promise<UpkeepUnderWay> {
  const job = jobs[round.random.between({ from: 0, to: jobs.length - 1 })] ?? "nothing";
  round.note(`upkeep: ${job}`);
  return await beginJob(service, job, round);
}

/** Starts this job. */
export async function beginJob(
  service: Service,
  job: UpkeepJob,
  round: Pick<Round, "random" | "folder">,
): Promise<UpkeepUnderWay> {
  switch (job) {
    case "nothing":
      return { ended: async () => undefined, judge: async () => [] };
    case "compact":
      return beginCompaction(service);
    case "erase":
      return await beginErasure(service, round.random);
    case "import":
      return beginImport(service, round);
    case "snapshot":
      return beginSnapshot(service, round.folder);
    case "restore":
      return await beginRestore(service, round.folder);
  }
}

/** Returns the status of a request; undefined if the service died during it. */
async function statusOf(request: Promise<Response>): Promise<number | undefined> {
  try {
    return (await request).status;
  } catch (error) {
    if (isConnectionLost(error)) return undefined;
    throw error;
  }
}

/** Merges change nothing visible: the ledger detects whatever they break. */
function beginCompaction(service: Service): UpkeepUnderWay {
  const asked = statusOf(postAsAdmin(service, "compact", {}));
  return { ended: async () => void (await asked), judge: async () => [] };
}

/** Either all of a session's events exist or none; after an answer none exist, and there is a receipt. */
async function beginErasure(service: Service, random: Random): Promise<UpkeepUnderWay> {
  const session = randomUUID();
  const events = random.between({ from: 1, to: 100 });
  await service.batch(Array.from({ length: events }, () => ({ event_name: "to erase", session_id: session })));
  const asked = statusOf(postAsAdmin(service, "erase", { session_id: session }));
  return {
    ended: async () => void (await asked),
    judge: async (restarted) => {
      const status = await asked;
      const count = () => restarted.count(`session_id = '${session}'`);
      const broken: Broken[] = [];
      const left = await count();
      if (status === 200 && left > 0)
        broken.push({ kind: "other", what: `${left} events of an erasure that was answered` });
      if (left > 0 && left < events)
        broken.push({ kind: "lost", what: `${events - left} of ${events} events to erase` });
      const again = await postAsAdmin(restarted, "erase", { session_id: session });
      if (again.status !== 200) broken.push({ kind: "other", what: `the erasure sent again: ${await again.text()}` });
      await restarted.waitSealed(60_000);
      if ((await count()) > 0) broken.push({ kind: "other", what: "events are left after the erasure was sent again" });
      const receipts = single(await restarted.rows("SELECT count(*) FROM erasures"));
      const wanted = status === 200 ? 2 : 1;
      if (receipts < wanted) broken.push({ kind: "lost", what: `${receipts} receipts, ${wanted} were promised` });
      return broken;
    },
  };
}

/** Running the same command again imports what is missing and nothing twice. */
function beginImport(service: Service, { random, folder }: Pick<Round, "random" | "folder">): UpkeepUnderWay {
  const file = `${folder}/history.ndjson`;
  const rows = random.between({ from: 1, to: 3_000 });
  const lines = Array.from({ length: rows }, (_, row) =>
    JSON.stringify({ event_name: "imported", properties: { row }, timestamp: "2024-03-10T12:00:00Z" }),
  );
  writeFileSync(file, `${lines.join("\n")}\n`);
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const { child } = spawn([process.execPath, entryPath, "import", file], { env });
  return {
    ended: async () => {
      // It may start its own service on the folder; the round kills the service that it began with.
      child.kill("SIGKILL");
      await child.exited;
    },
    judge: async (restarted) => {
      const again = await millrace(["import", file], { env, limitMs: 60_000 });
      if (again.code !== 0) return [{ kind: "other", what: `the import given again: ${again.stderr}` }];
      await restarted.waitSealed(60_000);
      const stored = await restarted.count("event_name = 'imported'");
      if (stored === rows) return [];
      return [{ kind: stored < rows ? "lost" : "twice", what: `${stored} of ${rows} imported events are stored` }];
    },
  };
}

/** A snapshot is complete or does not exist. */
function beginSnapshot(service: Service, folder: string): UpkeepUnderWay {
  const target = `${folder}/snapshot`;
  const { child } = spawn([process.execPath, entryPath, "snapshot", target], {
    env: { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret },
  });
  return {
    ended: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    judge: async () => {
      if (!existsSync(target)) return [];
      const restored = `${folder}/restored`;
      const { code, stderr } = await millrace(["restore", target], { env: { MILLRACE_DATA_DIR: restored } });
      if (code !== 0) return [{ kind: "other", what: `a snapshot that has its name cannot be restored: ${stderr}` }];
      return await verified(restored);
    },
  };
}

/** An interrupted restore is run again into the same folder. */
async function beginRestore(service: Service, folder: string): Promise<UpkeepUnderWay> {
  const [taken, restored] = [`${folder}/taken`, `${folder}/restored`];
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const snapshot = await millrace(["snapshot", taken], { env, limitMs: 60_000 });
  if (snapshot.code !== 0) throw new Error(`snapshot: ${snapshot.stderr}`);
  const { child } = spawn([process.execPath, entryPath, "restore", taken], { env: { MILLRACE_DATA_DIR: restored } });
  return {
    ended: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    judge: async () => await restoredAgain(taken, restored),
  };
}

/** Returns what is broken after a second restore into a folder, whether the first was interrupted or finished. */
export async function restoredAgain(snapshot: string, dataDir: string): Promise<Broken[]> {
  const other = (what: string): Broken => ({ kind: "other", what });
  const again = await millrace(["restore", snapshot], { env: { MILLRACE_DATA_DIR: dataDir }, limitMs: 60_000 });
  // The first one finished.
  const isThere = again.stderr.includes("holds events");
  if (again.code !== 0 && !isThere) return [other(`the restore given again: ${again.stderr}`)];
  const [taken, stored] = [await eventsOf(snapshot), await eventsOf(dataDir)];
  const broken = await verified(dataDir);
  return taken === stored ? broken : [...broken, { kind: "lost", what: `${stored} of ${taken} events were restored` }];
}

/** Events in the catalog of a folder. */
const eventsOf = async (folder: string) =>
  single(await queryFile(`${folder}/millrace.duckdb`, "SELECT count(*) FROM events"));
