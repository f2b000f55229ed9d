/** The same framework and the same database as the service, without journals, actors and segments between them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { ServerProcess } from "../system/process.ts";
import { loadEndpoints, npmVersion, type Peer, type PeerStart, type RunningPeer } from "./peer.ts";
import { peerSecret } from "./token.ts";

const serverPath = fileURLToPath(new URL("./elysia-duckdb/server.ts", import.meta.url));

/** Elysia with one connection to one DuckDB file. */
export const elysiaDuckdb: Peer = {
  name: "elysia-duckdb",
  waitsFor: "fsync",
  about:
    "Elysia with its own checks and @elysiajs/jwt, one process, one INSERT a request on one DuckDB connection: answers once DuckDB " +
    "committed, which syncs its write-ahead log; nobody else can open the file meanwhile, and no client's id is looked for",
  program: undefined,
  start,
};

async function start(options: PeerStart): Promise<RunningPeer> {
  const { folder, signal } = options;
  const databasePath = join(folder, "events.duckdb");
  const server = await ServerProcess.start({
    command: [process.execPath, "--no-orphans", serverPath],
    env: { ...process.env, NODE_ENV: "production", JWT_SECRET: peerSecret, DATABASE_PATH: databasePath },
    logPath: join(folder, "elysia.log"),
    signal,
  });
  return {
    version: `${await npmVersion("elysia")}, ${await npmVersion("@duckdb/node-api")}, Bun ${Bun.version}`,
    load: loadEndpoints(server.url, options),
    count: async () => {
      // Killed, not stopped: what is counted is what was committed.
      await server[Symbol.asyncDispose]();
      return await countRows(databasePath);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function countRows(path: string): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  try {
    const connection = await instance.connect();
    const answer = await connection.runAndReadAll("SELECT count(*) FROM events");
    return Number(answer.getRows()[0]?.[0]);
  } finally {
    instance.closeSync();
  }
}
