/** Invalid bodies and requests of every kind; what is accepted must be read back as it was sent. */
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Random } from "../../support/random.ts";
import { paths, Service } from "../../support/service.ts";
import { hostileBody, oneOf } from "../hostile/bodies.ts";
import { meaningOf, memberOf } from "../hostile/meaning.ts";
import { recovered, verified } from "../judge.ts";
import type { Broken, Round, Scenario } from "../scenario.ts";

/** Beside one request over a raw socket, whose head is broken, too. */
const requestsForOneRaw = 10;

/** Statuses for a client's error or for temporary overload. */
const isAnswer = (status: number) =>
  status === 200 || (status >= 400 && status < 500) || [501, 503, 505].includes(status);

const insides = /\bat .*:\d+:\d+|node_modules|\/src\/|\/tmp\/|\.duckdb|\.ndjson/;

/** Many requests, one service. */
export const hostileHttp = hostileHttpWith({ requests: 500 });

/** The scenario with this many requests a round. */
export function hostileHttpWith({ requests }: { requests: number }): Scenario {
  const raw = requests / requestsForOneRaw;
  return {
    name: "hostile-http",
    summary: `${requests + raw} hostile requests a round: mutated bodies, JSONTestSuite, naughty strings, bombs, broken heads`,
    rounds: 4,
    mayRunBeside: true,
    missing: () => undefined,
    run: async ({ random, folder }: Round) => {
      const broken: Broken[] = [];
      const other = (what: string) => void broken.push({ kind: "other", what });
      await using service = new Service({ dataDir: `${folder}/data` });
      await service.restart();
      const sent = new Map<string, string>();
      let refused = 0;
      for (let request = 0; request < requests; request++) {
        const { bytes, encoding } = hostileBody(random);
        const path = random.onceIn(4) ? paths.batch : paths.track;
        const response = await service.request(path, {
          body: bytes,
          headers: encoding === undefined ? {} : { "content-encoding": encoding },
        });
        const text = await response.text();
        const shown = Buffer.from(bytes.subarray(0, 200)).toString();
        if (!isAnswer(response.status)) other(`${response.status} for ${shown}: ${text.slice(0, 500)}`);
        if (response.status !== 200) refused += 1;
        if (response.status >= 500 && insides.test(text)) other(`shows its insides: ${text.slice(0, 500)}`);
        if (response.status === 200 && path === paths.track)
          sent.set(
            String(JSON.parse(text).event_id),
            Buffer.from(encoding === "gzip" ? gunzipSync(bytes) : bytes).toString(),
          );
      }
      for (let request = 0; request < raw; request++) {
        const answer = await rawAnswer(service, rawRequest(service, random));
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 400);
        if (!isAnswer(status) || insides.test(answer)) other(`raw: ${answer.slice(0, 500)}`);
      }
      const recoveryMs = await recovered(service);
      broken.push(...(await notAsSent(service, sent)), ...(await verified(service.dataDir)));
      return { acknowledged: sent.size, faults: requests + raw, refused, recoveryMs, broken };
    },
  };
}

/** Columns with content that a client chooses freely. */
const columns = ["event_name", "session_id", "page_url", "properties"] as const;

/** Returns events whose name, session, page or properties differ from what was sent. */
async function notAsSent(service: Service, sent: ReadonlyMap<string, string>): Promise<Broken[]> {
  // Another character comes first, because the driver drops a U+FEFF at the start of a string.
  const behind = columns.map((column) => `'x' || ${column} AS ${column}`).join(", ");
  const rows = await service.rows(`SELECT event_id::VARCHAR AS id, ${behind} FROM events`);
  const stored = new Map(rows.map((row) => [String(row["id"]), row]));
  return [...sent].flatMap(([id, body]): Broken[] => {
    const row = stored.get(id);
    if (row === undefined) return [{ kind: "lost", what: `${id}: ${body.slice(0, 200)}` }];
    return columns.flatMap((column): Broken[] => {
      const wanted = memberOf(body, column) ?? "null";
      const value = row[column] === null ? null : String(row[column]).slice(1);
      const found = column === "properties" && value !== null ? meaningOf(value) : JSON.stringify(value);
      if (found === wanted) return [];
      return [
        { kind: "other", what: `${column} of ${id}: sent ${wanted.slice(0, 200)}, stored ${found?.slice(0, 200)}` },
      ];
    });
  });
}

/** A request whose head is valid except for a few bytes. */
function rawRequest(service: Service, random: Random): Buffer {
  const target = oneOf(random, [
    paths.track,
    "//evil/metrics",
    "/%zz",
    "/\\evil",
    "*",
    "http://x/",
    "/..%2f",
    "/metrics",
  ]);
  const host = oneOf(random, ["127.0.0.1", "a:b", "[::1", "", "<b>", "a b"]);
  const method = oneOf(random, ["POST", "GET", "OPTIONS", "CONNECT", "NONSENSE", "HEAD"]);
  const text = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${service.token({})}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
  const bytes = Buffer.from(text);
  if (random.onceIn(2)) return bytes;
  bytes[random.between({ from: 0, to: bytes.byteLength - 1 })] = random.between({ from: 0, to: 255 });
  return bytes;
}

/** A server may wait this long for the rest of a request that looks incomplete. ms */
const rawAnswerMsMax = 2_000;

function rawAnswer(service: Service, request: Buffer): Promise<string> {
  const { hostname, port } = new URL(service.url);
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(Number(port), hostname, () => socket.write(request));
  socket.setTimeout(rawAnswerMsMax, () => socket.destroy());
  socket.on("data", (bytes) => {
    answer += bytes.toString();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => resolve(answer));
  return promise;
}
