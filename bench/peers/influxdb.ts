/** A database for points in time, written to as its own clients do. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BatchInput, EventInput } from "../../src/event/schema.ts";
import { runWrk } from "../load/wrk.ts";
import { ServerProcess } from "../system/process.ts";
import { linesOfBody } from "./line-protocol.ts";
import { boundToUs, type Peer, type PeerStart, type RunningPeer } from "./peer.ts";

const scriptPath = fileURLToPath(new URL("./line-protocol.lua", import.meta.url));

/** Counting millions of points reads all of them. ms */
const answerMsMax = 60_000;

/** InfluxDB of Debian, which is the last of version 1 there. */
export const influxdb: Peer = {
  name: "influxdb",
  waitsFor: "fsync",
  about:
    "InfluxDB, `/write` in line protocol, wal-fsync-delay 0: answers once its write-ahead log is synced, for all that wait at once; no token is checked, " +
    "no JSON is parsed, properties are one string, and each point has a time of its own since equal ones would be one point",
  program: { probe: ["influxd", "version"], packages: ["influxdb"], units: ["influxdb"] },
  start,
};

async function start({ folder, signal, wrkPath, probed }: PeerStart): Promise<RunningPeer> {
  const configPath = join(folder, "influxdb.conf");
  await Bun.write(configPath, configuration(folder));
  const server = await ServerProcess.start({
    command: boundToUs(["influxd", "-config", configPath]),
    env: { ...process.env, HOME: folder },
    logPath: join(folder, "influxd.log"),
    signal,
    listening: /Listening on HTTP.*?(127\.0\.0\.1:\d+)/,
  });
  const url = `http://${server.url}`;
  try {
    await ask(url, "CREATE DATABASE bench");
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return {
    version: /v[\d.]+/.exec(probed)?.[0] ?? probed,
    load: async ({ form, bodiesPath, ...load }) => {
      const linesPath = join(folder, `${form}.lines`);
      await Bun.write(linesPath, await translate(bodiesPath));
      const target = { url: `${url}/write?db=bench`, token: "none", bodiesPath: linesPath, scriptPath };
      return await runWrk(wrkPath, { ...load, ...target }, signal);
    },
    count: async () => countIn(await ask(url, "SELECT count(properties) FROM events")),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function translate(bodiesPath: string): Promise<string> {
  const bodies = (await Bun.file(bodiesPath).text()).trimEnd().split("\n");
  // The file is this suite's own, made from these types.
  return `${bodies.map((body) => linesOfBody(JSON.parse(body) as BatchInput | EventInput)).join("\n")}\n`;
}

/** Debian's settings but for folders, addresses, what it logs, and a log that is synced with each write. */
function configuration(folder: string): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  wal-fsync-delay = "0s"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:0"
  log-enabled = false
`;
}

async function ask(url: string, query: string): Promise<unknown> {
  const answer = await fetch(`${url}/query?db=bench`, {
    method: "POST",
    body: new URLSearchParams({ q: query }),
    signal: AbortSignal.timeout(answerMsMax),
  });
  const body: unknown = await answer.json();
  const text = JSON.stringify(body);
  if (!answer.ok || text.includes('"error"')) throw new Error(`InfluxDB answered ${answer.status}: ${text}`);
  return body;
}

/**
 * The count in an answer of `/query`: `{"results":[{"series":[{"values":[[time, count]]}]}]}`, without a series for
 * none.
 * @throws Error it is something else
 */
export function countIn(answer: unknown): number {
  const text = JSON.stringify(answer);
  const count = /"values":\[\[[^,]+,(\d+)\]\]/.exec(text)?.[1];
  if (count !== undefined) return Number(count);
  if (text.startsWith('{"results":[{') && !text.includes('"series"')) return 0;
  throw new Error(`not a count: ${text}`);
}
