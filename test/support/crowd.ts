/** Connections that nobody needs, held open by a process of their own so that the test's descriptors do not count. */
import { spawn } from "./process.ts";
import type { Service } from "./service.ts";
import { until } from "./until.ts";

/** A crowd of connections to a service; they end with its scope. */
export interface Crowd extends AsyncDisposable {
  /** Connections of it that the service has not closed. */
  readonly open: number;
}

const source = `
  const [port, wanted, sends] = [Number(process.argv[1]), Number(process.argv[2]), process.argv[3]];
  let [opened, closed] = [0, 0];
  const socket = {
    open(socket) { opened++; if (sends) socket.write(sends); },
    data() {}, close() { closed++; }, error() {},
  };
  for (let each = 0; each < wanted; each++) Bun.connect({ hostname: "127.0.0.1", port, socket }).catch(() => closed++);
  setInterval(() => console.log(JSON.stringify({ opened, closed })), 50);
`;

/**
 * Opens that many connections, each of which sends `sends` once and then nothing, and waits until all have been opened.
 */
export async function openCrowd(service: Service, options: { connections: number; sends?: string }): Promise<Crowd> {
  const { connections, sends = "" } = options;
  const started = spawn(
    [process.execPath, "--no-orphans", "-e", source, new URL(service.url).port, String(connections), sends],
    { env: {} },
  );
  const counts = (): { opened: number; closed: number } => {
    const last = started.stdout.text.trimEnd().split("\n").at(-1);
    return last === undefined || last === "" ? { opened: 0, closed: 0 } : JSON.parse(last);
  };
  await until(() => counts().opened >= connections, {
    what: `${connections} connections`,
    limitMs: 20_000,
    state: () => `${JSON.stringify(counts())} ${started.stderr.text.slice(-1000)}`,
  });
  return {
    get open() {
      const { opened, closed } = counts();
      return opened - closed;
    },
    [Symbol.asyncDispose]: async () => {
      started.child.kill("SIGKILL");
      await started.child.exited;
    },
  };
}
