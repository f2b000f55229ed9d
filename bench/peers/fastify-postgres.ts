/** What a Node team would write: Fastify in front, a row for each event in PostgreSQL. */
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { ServerProcess } from "../system/process.ts";
import { boundToUs, loadEndpoints, npmVersion, type Peer, type PeerStart, type RunningPeer } from "./peer.ts";
import { databaseUser, postgresProgram, startPostgres } from "./postgres.ts";
import { peerSecret } from "./token.ts";

const serverPath = fileURLToPath(new URL("./fastify-postgres/server.ts", import.meta.url));
/** What the program is made of, found in `node_modules` at run; this project's own files are put into the program. */
const ownPackages = ["@fastify/jwt", "fastify", "pg"];
const modulesPath = fileURLToPath(new URL("../node_modules", import.meta.url));

/** Fastify with PostgreSQL behind it. */
export const fastifyPostgres: Peer = {
  name: "fastify-postgres",
  waitsFor: "fsync",
  about:
    "Fastify with ajv's checks and @fastify/jwt's cache of tokens, one process, a pool of 20 connections, one INSERT a request into a " +
    "table with the event's id as its key: answers once PostgreSQL committed with fsync and synchronous_commit on",
  program: postgresProgram,
  start,
};

async function start(options: PeerStart): Promise<RunningPeer> {
  const { folder, signal, probed } = options;
  await using ending = new AsyncDisposableStack();
  const postgres = ending.use(await startPostgres({ folder, signal }));
  const access = { host: postgres.socketFolder, user: databaseUser, database: "postgres" };
  const { command, runtime } = await runtimeOf(folder);
  const server = ending.use(
    await ServerProcess.start({
      command: boundToUs(command),
      env: {
        ...process.env,
        NODE_ENV: "production",
        JWT_SECRET: peerSecret,
        PGHOST: access.host,
        PGUSER: access.user,
        PGDATABASE: access.database,
      },
      logPath: join(folder, "fastify.log"),
      signal,
    }),
  );
  const ended = ending.move();
  return {
    version: `${await npmVersion("fastify")}, ${await npmVersion("pg")}, ${runtime}, ${probed}`,
    load: loadEndpoints(server.url, options),
    count: async () => {
      const client = new pg.Client(access);
      await client.connect();
      try {
        const answer = await client.query<{ count: string }>("SELECT count(*) FROM events");
        return Number(answer.rows[0]?.count);
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}

/** Node where there is one, since that is what such a service runs on; else this Bun. */
async function runtimeOf(folder: string): Promise<{ command: string[]; runtime: string }> {
  const node = Bun.which("node");
  if (node === null) return { command: [process.execPath, serverPath], runtime: `Bun ${Bun.version}` };
  // One file with all that the program imports from this project: not every Node takes types away by itself.
  const scriptPath = join(folder, "server.mjs");
  const { outputs } = await Bun.build({ entrypoints: [serverPath], target: "node", external: ownPackages });
  const [script] = outputs;
  if (script === undefined) throw new Error(`${serverPath} cannot be bundled`);
  await Bun.write(scriptPath, script);
  await symlink(modulesPath, join(folder, "node_modules"));
  const version = await Bun.spawn([node, "--version"], { stdout: "pipe" }).stdout.text();
  return { command: [node, scriptPath], runtime: `Node ${version.trim()}` };
}
