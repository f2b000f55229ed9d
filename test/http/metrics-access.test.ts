/** Who gets the metrics and the details of health: `MILLRACE_METRICS`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { millrace } from "../support/command.ts";
import { newPair } from "../support/issuer.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, type Service, sharedService, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const guarded = sharedService({ env: { MILLRACE_METRICS: "token" } });
const silent = sharedService({ env: { MILLRACE_METRICS: "off" } });

const health = async (of: Service, token: string | null) => {
  const answer = await of.request(paths.health, { token });
  return [answer.status, await answer.json()] as const;
};

test("token: the scrape needs stats:read", async () => {
  await expectRefused(await guarded().request("/metrics", { token: null }), 401);
  await expectRefused(await guarded().request("/metrics", { token: "a.b.c" }), 401);
  await expectRefused(await guarded().request("/metrics", { token: guarded().token({ scope: "query" }) }), 403);
  const scrape = await guarded().request("/metrics", { token: guarded().token({ scope: "stats:read" }) });
  expect([scrape.status, await scrape.text()]).toEqual([200, expect.stringContaining("millrace_shards_ready")]);
});

test("token: health shows its details to stats:read, and the status to everybody else", async () => {
  for (const token of [null, "a.b.c", guarded().token({ ttlSeconds: -60 }), guarded().token({ scope: "query" })])
    expect(await health(guarded(), token)).toEqual([200, { status: "ok" }]);
  expect(await health(guarded(), guarded().token({ scope: "stats:read" }))).toEqual([
    200,
    expect.objectContaining({ status: "ok", problems: [], disk_free_bytes: expect.any(Number) }),
  ]);
});

test("off: nobody gets metrics, and health is a status", async () => {
  const token = silent().token({ scope: "stats:read admin query" });
  for (const each of [null, token]) {
    for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
      const answer = await silent().request("/metrics", { token: each, method });
      expect([method, answer.status, answer.headers.get("allow")]).toEqual([method, 404, null]);
    }
    expect(await health(silent(), each)).toEqual([200, { status: "ok" }]);
  }
  expect((await silent().request("/livez", { token: null })).status).toBe(200);
});

test("token: whoever asks with a token that cannot be verified now still learns whether the service lives", async () => {
  const down = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status: 502 }) });
  await using waiting = await startService({
    env: { MILLRACE_METRICS: "token", MILLRACE_JWKS: `${down.url}jwks` },
  });
  expect(await health(waiting, newPair("ES256", "ec").token())).toEqual([200, { status: "ok" }]);
  await down.stop(true);
});

test("off: a service that is not well is a 503 without details", async () => {
  await using full = await startService({
    env: { MILLRACE_METRICS: "off", MILLRACE_MAX_BUFFER_EVENTS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "60" },
  });
  await full.track({ event_name: "last" });
  expect(await health(full, null)).toEqual([503, { status: "degraded" }]);
});

test("doctor says that it was shown no details", async () => {
  const { stdout } = await millrace(["doctor"], { env: { MILLRACE_DATA_DIR: guarded().dataDir } });
  expect(stdout).toContain("says ok, without details (MILLRACE_METRICS)");
});
