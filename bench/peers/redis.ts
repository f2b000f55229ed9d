/** What a service would post to where it wants to be rid of an event at once: a stream that syncs before it answers. */
import { join } from "node:path";
import { countText } from "../core/figures.ts";
import { compileNative, compilerMissing, runNative } from "../load/native.ts";
import { type LoadResult, parseWrk } from "../load/wrk.ts";
import { ServerProcess } from "../system/process.ts";
import { boundToUs, type Peer, type PeerLoad, type PeerStart, type RunningPeer } from "./peer.ts";

/** Its own start and end, on a machine that is busy. Seconds. */
const loadExtraSeconds = 20;

/** It answers at once, or has more to do than a count may take. ms */
const answerMsMax = 60_000;

/** Redis streams, with a sync of the append-only file for all commands that came in one turn of its loop. */
export const redis: Peer = {
  name: "redis-streams",
  waitsFor: "fsync",
  about:
    "Redis, XADD of each body to one stream over its own protocol, one event a command, by a client in C that takes about as much processor as wrk; " +
    "appendonly on, appendfsync always: answers once its file is synced, for all commands that came together; no HTTP, no token, no JSON is parsed, " +
    "no client's id is looked for, and all events stay in memory",
  program: {
    probe: ["redis-server", "--version"],
    packages: ["redis-server"],
    units: ["redis-server"],
  },
  missing: compilerMissing,
  start,
};

async function start({ folder, signal, probed }: PeerStart): Promise<RunningPeer> {
  const address = { hostname: "127.0.0.1", port: freePort() };
  const settings = {
    ...{ bind: address.hostname, port: address.port, dir: folder, appendonly: "yes", appendfsync: "always" },
    // Neither a snapshot nor a rewrite of the file: both would take the disk from the load.
    ...{ save: "", "auto-aof-rewrite-percentage": 0, daemonize: "no" },
  };
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const server = await ServerProcess.start({
    command: boundToUs(["redis-server", ...given]),
    env: process.env,
    logPath: join(folder, "redis.log"),
    signal,
    listening: /(Ready to accept connections)/,
  });
  return {
    version: `Redis ${/v=([\d.]+)/.exec(probed)?.[1] ?? probed}`,
    load: (load) => put(address, load, { folder, signal }),
    count: async () => countIn(await ask(address, "XLEN events\r\n")),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Redis takes no port 0, which would be any free one: it is taken and given back. */
function freePort(): number {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = taken;
  taken.stop(true);
  return port;
}

/**
 * Puts a closed loop on Redis.
 * @throws Error the client failed, or `signal` ended it
 */
async function put(
  address: { hostname: string; port: number },
  { bodiesPath, connections, seconds, runTag }: Omit<PeerLoad, "form">,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<LoadResult> {
  const programPath = await compileNative("resp-load", { folder, signal });
  const order = { ...address, bodiesPath, connections, seconds, runTag };
  const secondsMax = seconds + loadExtraSeconds;
  const { printed, cpuSeconds } = await runNative(programPath, order, { secondsMax, signal });
  return { ...parseWrk(printed), cpuSeconds };
}

async function ask(address: { hostname: string; port: number }, command: string): Promise<string> {
  const answered = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    ...address,
    socket: {
      data: (_socket, piece) => answered.resolve(piece.toString()),
      close: () => answered.reject(new Error("Redis closed the connection")),
    },
  });
  const late = setTimeout(
    () => answered.reject(new Error(`Redis did not answer within ${countText(answerMsMax)} ms`)),
    answerMsMax,
  );
  try {
    socket.write(command);
    return await answered.promise;
  } finally {
    clearTimeout(late);
    socket.end();
  }
}

/**
 * Reads the answer to XLEN.
 * @throws Error it is not a number
 */
export function countIn(answer: string): number {
  const count = /^:(\d+)\r\n$/.exec(answer)?.[1];
  if (count === undefined) throw new Error(`not a count of Redis: ${answer}`);
  return Number(count);
}
