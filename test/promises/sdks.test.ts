/** Other vendors' SDKs, unmodified from npm: every event is stored once, whatever the network and the service do. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ended, repoRoot, spawn } from "../support/process.ts";
import { sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-sdks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const key = "mrw_0123456789abcdefghijklmnopqrstuv";
const keys = [{ name: "web", key_sha256: createHash("sha256").update(key).digest("hex") }];
const keyFile = join(folder, "keys.json");
writeFileSync(keyFile, JSON.stringify({ keys }));

const service = sharedService({ env: { MILLRACE_WRITE_KEYS: keyFile } });

/** What the proxy does with a request; `pass` sends it on to the service. */
type Fault = (request: Request, pass: () => Promise<Response>) => Promise<Response>;

/** In front of the service: its address stays the same across restarts, and it can misbehave. */
let proxy: Bun.Server<undefined>;
let fault: Fault = (_, pass) => pass();

beforeAll(() => {
  proxy = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const body = await request.arrayBuffer();
      const pass = async () => {
        const { pathname, search } = new URL(request.url);
        const { method, headers } = request;
        return await fetch(service().url + pathname + search, { method, headers, body });
      };
      return await fault(request, pass);
    },
  });
});
afterAll(() => proxy.stop(true));

const sendersPath = join(repoRoot, "test/sdks/send.mjs");

/** Sends events with these SDKs, and waits until they say that all are sent. */
async function send(prefix: string, sdks: readonly string[]): Promise<void> {
  const env = { TO: `http://127.0.0.1:${proxy.port}`, KEY: key, SDKS: sdks.join(","), PREFIX: prefix };
  const sender = spawn(["node", sendersPath], { env, cwd: join(repoRoot, "test") });
  await until(() => ended(sender), { what: "the end of the SDKs", limitMs: 40_000, state: () => sender.stderr.text });
  expect([sender.child.exitCode, sender.stderr.text]).toEqual([0, expect.any(String)]);
}

/** How often each event is stored. */
async function stored(prefix: string): Promise<Record<string, number>> {
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT event_name, count(*)::INTEGER AS events FROM events WHERE starts_with(event_name, '${prefix}.') GROUP BY ALL`,
  );
  return Object.fromEntries(rows.map(({ event_name, events }) => [String(event_name), Number(events)]));
}

/** Each event of these SDKs, once. */
const once = (prefix: string, sdks: readonly string[]) =>
  Object.fromEntries(sdks.flatMap((sdk) => [0, 1, 2, 3, 4].map((index) => [`${prefix}.${sdk}.${index}`, 1])));

const retrying = ["segment", "rudder", "posthog", "otlpJson", "otlpProtobuf"];
const all = [...retrying, "jitsu", "cloudevents"];

test("every event of every SDK is stored once, under the name of its key", async () => {
  await send("plain", all);
  expect(await stored("plain")).toEqual(once("plain", all));
  expect(await service().rows("SELECT DISTINCT subject FROM events")).toEqual([{ subject: "web" }]);
  const odd = await service().rows(
    `SELECT event_name FROM events WHERE NOT ((properties->>'total') = '12.5' AND (properties->>'currency') = 'EUR')
      OR abs(epoch(timestamp) - epoch(received_at)) > 60`,
  );
  expect(odd).toEqual([]);
});

test("first refused by 429 or 503, then stored with a lost answer and a killed service: once, all the same", async () => {
  const attempts = new Map<string, number>();
  const restarted = Promise.withResolvers<void>();
  const lost = new Set<string>();
  fault = async ({ headers, url }, pass) => {
    const sdk = `${headers.get("user-agent")} ${headers.get("content-type")} ${new URL(url).pathname}`;
    const attempt = (attempts.get(sdk) ?? 0) + 1;
    attempts.set(sdk, attempt);
    if (attempt === 1) {
      // OpenTelemetry and RudderStack honour the header on both; Segment only on 429; PostHog never.
      const status = sdk.startsWith("OTel") ? 503 : 429;
      return new Response("{}", { status, headers: { "retry-after": "1" } });
    }
    if (attempt === 2) {
      expect((await pass()).status).toBe(200);
      lost.add(sdk);
      // All of them have lost an answer: the service dies, and comes back.
      if (lost.size === retrying.length)
        restarted.resolve(
          service()
            .kill9()
            .then(() => service().restart()),
        );
      return new Response(null, { status: 503, headers: { "retry-after": "1" } });
    }
    await restarted.promise;
    return await pass();
  };
  await send("faults", retrying);
  expect(lost.size).toBe(retrying.length);
  expect(await stored("faults")).toEqual(once("faults", retrying));
});
