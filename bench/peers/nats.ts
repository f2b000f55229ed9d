/** A log of messages that looks into none of them: what it costs to keep the same bytes. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "nats";
import { type LoadResult, parseWrk } from "../load/wrk.ts";
import { ServerProcess } from "../system/process.ts";
import { boundToUs, npmVersion, type Peer, type PeerLoad, type PeerStart, type RunningPeer } from "./peer.ts";

const publisherPath = fileURLToPath(new URL("./nats/publisher.ts", import.meta.url));

const stream = "events";
const subject = "events.batch";

/** Its own start and end, on a machine that is busy. Seconds. */
const publisherExtraSeconds = 20;

/** JetStream with files, and the client for JavaScript. */
export const nats: Peer = {
  name: "nats-jetstream",
  waitsFor: "page cache",
  about:
    "NATS JetStream, one stream in files, each request's body as one message, its acknowledgement awaited: by default files are synced " +
    "every 2 minutes, not before an answer; no HTTP, no token, nothing is parsed, and the publisher is a Bun process that takes more " +
    "processor than wrk",
  program: {
    probe: ["sh", "-c", "PATH=$PATH:/usr/sbin nats-server --version"],
    packages: ["nats-server"],
    units: ["nats-server"],
  },
  start,
};

async function start({ folder, signal, probed }: PeerStart): Promise<RunningPeer> {
  const program = Bun.which("nats-server", { PATH: `${process.env["PATH"]}:/usr/sbin` }) ?? "nats-server";
  // Port -1 is any free one.
  const command = [program, "--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir", join(folder, "store")];
  const logPath = join(folder, "nats.log");
  const listening = /client connections on (127\.0\.0\.1:\d+)[\s\S]*Server is ready/;
  await using ending = new AsyncDisposableStack();
  const server = ending.use(
    await ServerProcess.start({ command: boundToUs(command), env: process.env, logPath, signal, listening }),
  );
  const connection = await connect({ servers: server.url });
  ending.defer(() => connection.close());
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: stream, subjects: [subject] });
  const ended = ending.move();
  return {
    version: `${probed}, ${await npmVersion("nats")}, Bun ${Bun.version}`,
    load: (load) => publish(server.url, load, signal),
    count: async ({ eventsPerRequest }) => (await manager.streams.info(stream)).state.messages * eventsPerRequest,
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}

async function publish(address: string, load: PeerLoad, signal: AbortSignal): Promise<LoadResult> {
  signal.throwIfAborted();
  const { bodiesPath, seconds, connections } = load;
  const given = [address, subject, bodiesPath, `${seconds}`, `${connections}`];
  const publisher = Bun.spawn([process.execPath, "--no-orphans", publisherPath, ...given], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: (seconds + publisherExtraSeconds) * 1_000,
    signal,
  });
  const [printed, complaint] = await Promise.all([publisher.stdout.text(), publisher.stderr.text(), publisher.exited]);
  signal.throwIfAborted();
  if (publisher.exitCode !== 0)
    throw new Error(`the publisher ended with ${publisher.exitCode}: ${complaint}${printed}`);
  return { ...parseWrk(printed), cpuSeconds: Number(publisher.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}
