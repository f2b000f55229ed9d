/** The service's reference in its own tongue: FastAPI, with pydantic's checks and a buffer in memory. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringNames } from "../../src/event/fields.ts";
import { ServerProcess } from "../system/process.ts";
import { boundToUs, loadEndpoints, type Peer, type PeerStart, type RunningPeer } from "./peer.ts";
import { peerSecret } from "./token.ts";

/** Debian's own: another Python that comes first in PATH does not see Debian's modules. */
const python = "/usr/bin/python3";

const appFolder = fileURLToPath(new URL("./fastapi", import.meta.url));

/** FastAPI under one worker of uvicorn. */
export const fastapi: Peer = {
  name: "fastapi",
  waitsFor: "memory",
  about:
    "FastAPI with pydantic's checks and PyJWT, one uvicorn worker with uvloop and httptools: answers once events are listed in memory, " +
    "and writes them to a file every 5 s without a sync; no client ids, no SQL",
  program: {
    probe: [python, "-c", probeCode()],
    packages: ["python3-fastapi", "python3-uvicorn", "python3-uvloop", "python3-httptools", "python3-jwt"],
    units: [],
  },
  start,
};

/** Names what answers depend on; the two that make uvicorn fast are imported only to be missed. */
function probeCode(): string {
  return [
    "import sys, fastapi, pydantic, uvicorn, uvloop, httptools, jwt",
    "print(f'FastAPI {fastapi.__version__}, pydantic {pydantic.VERSION}, uvicorn {uvicorn.__version__}, Python {sys.version.split()[0]}')",
  ].join("\n");
}

async function start(options: PeerStart): Promise<RunningPeer> {
  const { folder, signal, probed } = options;
  const eventsPath = join(folder, "events.ndjson");
  const serve = [python, "-B", "-m", "uvicorn", "app:app", "--app-dir", appFolder];
  const server = await ServerProcess.start({
    command: boundToUs([...serve, "--host", "127.0.0.1", "--port", "0", "--no-access-log"]),
    env: {
      ...process.env,
      JWT_SECRET: peerSecret,
      EVENTS_PATH: eventsPath,
      STRING_FIELDS: stringNames.join(","),
    },
    logPath: join(folder, "uvicorn.log"),
    signal,
    listening: /running on (http:\/\/[\d.]+:\d+)/,
  });
  return {
    version: probed,
    load: loadEndpoints(server.url, options),
    count: async () => {
      // Its last flush comes with its end.
      await server.stop();
      return await countLines(eventsPath);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Lines of a file that may not fit in memory. */
async function countLines(path: string): Promise<number> {
  const newline = 0x0a;
  let lines = 0;
  for await (const chunk of Bun.file(path).stream()) {
    for (const byte of chunk) if (byte === newline) lines += 1;
  }
  return lines;
}
