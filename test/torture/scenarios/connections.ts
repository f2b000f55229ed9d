/** Misbehaving connections beside well-behaved clients. */
import { connect, type Socket } from "node:net";
import type { Random } from "../../support/random.ts";
import { paths, type Service } from "../../support/service.ts";
import { faultUnderLoad } from "../fault-under-load.ts";
import type { Scenario } from "../scenario.ts";

/** What a bad connection does, given the bytes of a request and where its body begins. */
const behaviours = {
  idle: () => undefined,
  dawdling: (socket, request) => {
    let at = 0;
    const timer = setInterval(() => socket.write(request.subarray(at, ++at)), 50);
    socket.on("close", () => clearInterval(timer));
  },
  "cut in the body": (socket, request) => {
    socket.write(request.subarray(0, request.byteLength - 5), () => socket.resetAndDestroy());
  },
  "cut in the answer": (socket, request) => {
    socket.write(request, () => socket.resetAndDestroy());
  },
  "never reading": (socket, request) => {
    socket.pause();
    for (let times = 0; times < 50; times++) socket.write(request);
  },
} as const satisfies Record<string, (socket: Socket, request: Buffer) => void>;

type Behaviour = keyof typeof behaviours;

const names = Object.keys(behaviours) as Behaviour[];

/** Opens connections a few at a time, because the kernel's queue of connections to accept is short. */
async function open(service: Service, count: number, behaviour: Behaviour): Promise<Socket[]> {
  const { hostname, port } = new URL(service.url);
  const body = JSON.stringify({ event_name: "bad connection" });
  const request = Buffer.from(
    `POST ${paths.track} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${service.token({})}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const sockets: Socket[] = [];
  for (let opened = 0; opened < count; opened++) {
    const socket = connect(Number(port), hostname, () => behaviours[behaviour](socket, request));
    // A bad client is supposed to get refused and closed connections.
    socket.on("error", () => socket.destroy());
    sockets.push(socket);
    if (opened % 100 === 99) await Bun.sleep(5);
  }
  return sockets;
}

const connectionScenario = (
  base: Pick<Scenario, "name" | "summary" | "rounds">,
  options: { wrapper: readonly string[]; countOf: (random: Random) => number },
): Scenario => ({
  ...base,
  missing: () => undefined,
  run: (round) => {
    const behaviour = names[round.random.between({ from: 0, to: names.length - 1 })] ?? "idle";
    const count = options.countOf(round.random);
    round.note(`${count} connections: ${behaviour}`);
    return faultUnderLoad(round, {
      lastsMs: round.random.between({ from: 1_000, to: 4_000 }),
      service: { wrapper: options.wrapper },
      begin: async (service) => {
        const sockets = await open(service, count, behaviour);
        return {
          [Symbol.asyncDispose]: async () => {
            for (const socket of sockets) socket.destroy();
          },
        };
      },
    });
  },
});

/** Up to ten thousand connections, within the machine's limit of descriptors. */
export const connections = connectionScenario(
  {
    name: "connections",
    summary: "1 to 10,000 connections: idle, dawdling, cut in body and answer, never reading",
    rounds: 8,
  },
  { wrapper: [], countOf: (random) => 10 ** random.between({ from: 0, to: 4 }) },
);

/** More connections than descriptors. */
export const descriptors = connectionScenario(
  { name: "descriptors", summary: "more connections than the service may have descriptors", rounds: 6 },
  {
    wrapper: ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh"],
    countOf: (random) => random.between({ from: 250, to: 600 }),
  },
);
