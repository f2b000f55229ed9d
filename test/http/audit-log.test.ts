/** The log says who was refused and why, who asked and who erased; no client can flood it or write lines of its own. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { AuditLog } from "../../src/http/edge/audit-log.ts";
import { shaped } from "../support/answers.ts";
import { paths, type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const revokedFile = join(folder, "revoked");
writeFileSync(revokedFile, "sub:revoked\n");
const service = sharedService({
  env: { MILLRACE_LOG: "info", MILLRACE_GRACE_SECONDS: "0", MILLRACE_REVOKED: revokedFile },
});

const receiptOf = Type.Object({ id: Type.String(), request_hash: Type.String() });

/** The log's lines with a message, from the start of the service. */
const linesOf = (of: Service, message: string): Record<string, unknown>[] =>
  of.stderr
    .split("\n")
    .filter((line) => line.includes(`"msg":"${message}"`))
    .map((line) => JSON.parse(line));

/** Waits for a line with these fields, and returns all of its message. */
const lineWith = (of: Service, message: string, fields: Record<string, unknown>) =>
  until(
    () =>
      linesOf(of, message).find((line) =>
        Object.entries(fields).every(([name, value]) => Bun.deepEquals(line[name], value)),
      ),
    { what: `a line ${message} with ${JSON.stringify(fields)}`, limitMs: 10_000, state: () => of.stderr },
  );

const sql = (of: Service, subject: string, statement: string) =>
  of.request("/api/v1/analytics/query", {
    token: of.token({ subject, scope: "query" }),
    body: JSON.stringify({ sql: statement }),
  });

test("a line names subject, reason and status, once for however many requests", async () => {
  const token = service().token({ subject: "reader", scope: "stats:read" });
  for (let turn = 0; turn < 100; turn++) {
    expect((await service().request(paths.track, { token, body: "{}" })).status).toBe(403);
    expect((await service().request(paths.stats, { token: "a.b.c" })).status).toBe(401);
  }
  await lineWith(service(), "request refused", { reason: "forbidden", status: 403, subject: "reader" });
  await lineWith(service(), "request refused", { reason: "unauthorized", status: 401, subject: null });
  // A slow run may reach into a second window of ten seconds.
  expect(linesOf(service(), "request refused").length).toBeLessThanOrEqual(20);
});

test("a sender whose key only the body names is named, and so is that of a revoked token", async () => {
  const { token: asToken } = { token: (subject: string) => service().token({ subject, scope: "stats:read" }) };
  const posted = (path: string, body: string) => service().request(path, { token: null, body });
  expect((await posted("/e", `{"api_key":"${asToken("in a body")}","batch":[]}`)).status).toBe(403);
  await lineWith(service(), "request refused", { reason: "forbidden", status: 403, subject: "in a body" });
  const writer = service().token({ subject: "broken body" });
  expect((await posted("/e", `{"api_key":"${writer}","batch":{}}`)).status).toBe(400);
  await lineWith(service(), "request refused", { status: 400, subject: "broken body" });
  expect((await service().request(paths.stats, { token: service().token({ subject: "revoked" }) })).status).toBe(401);
  await lineWith(service(), "request refused", { reason: "unauthorized", status: 401, subject: "revoked" });
});

test("bodies that are not valid are refusals, too", async () => {
  await service().request(paths.track, { token: service().token({ subject: "careless" }), body: "{}" });
  await lineWith(service(), "request refused", { reason: "invalid", status: 422, subject: "careless" });
});

test("a query is a line with its subject and outcome, and never with its text", async () => {
  const secret = "alice@example.org";
  expect((await sql(service(), "analyst", `SELECT '${secret}'`)).status).toBe(200);
  expect((await sql(service(), "analyst", `SELECT nothing WHERE '${secret}' = 'x'`)).status).toBe(400);
  const statement = new Bun.CryptoHasher("sha256").update(`SELECT '${secret}'`).digest("hex").slice(0, 16);
  const line = await lineWith(service(), "query", {
    subject: "analyst",
    outcome: "answered",
    format: "json",
    statement,
  });
  expect(line["ms"]).toBeGreaterThan(0);
  await lineWith(service(), "query", { subject: "analyst", outcome: "refused" });
  expect(service().stderr).not.toContain(secret);
});

test("an erasure is a line when it is asked for and one when it is done, with the hash of its receipt", async () => {
  await service().track({ event_name: "gone", session_id: "s-erased" });
  const erase = (body: object) =>
    service().request("/api/v1/analytics/erase", {
      token: service().token({ subject: "officer", scope: "admin" }),
      body: JSON.stringify(body),
    });
  expect((await erase({ session_id: "s-erased", dry_run: true })).status).toBe(200);
  const receipt = shaped(receiptOf, await (await erase({ session_id: "s-erased" })).json());
  const act = { subject: "officer", by: "session_id" };
  await lineWith(service(), "administration", { ...act, act: "count what would be erased" });
  await lineWith(service(), "administration", { ...act, act: "erase" });
  const { id, request_hash: requestHash } = receipt;
  await lineWith(service(), "events erased", { id, requestHash, by: "officer", events: 1 });
  expect(service().stderr).not.toContain("s-erased");
});

test("no subject breaks out of its line", async () => {
  const subject = 'a\n{"level":60,"msg":"forged"}\r\u001b[31m\u2028';
  await service().request(paths.track, { token: service().token({ subject }), body: "{}" });
  await lineWith(service(), "request refused", { subject });
  for (const line of service()
    .stderr.split("\n")
    .filter((each) => each !== "")) {
    expect(line).not.toMatch(/[\r\u001b]/);
    expect(() => JSON.parse(line)).not.toThrow();
  }
  expect(linesOf(service(), "forged")).toEqual([]);
});

test("at level debug the statement itself is there, cut", async () => {
  await using open = await startService({ env: { MILLRACE_LOG: "debug" } });
  await sql(open, "analyst", `SELECT 'whole' -- ${"x".repeat(5_000)}`);
  const line = await until(() => linesOf(open, "statement")[0], { what: "the statement", limitMs: 10_000 });
  expect(line["sql"]).toStartWith("SELECT 'whole' -- xxx");
  expect(String(line["sql"])).toHaveLength(2_000);
});

test("twenty lines in ten seconds at most, and how many were left out is said later", () => {
  const lines: unknown[] = [];
  let nowMs = 0;
  const log = new AuditLog({ info: (...line: unknown[]) => lines.push(line) }, { monotonicMs: () => nowMs });
  const what = { reason: "forbidden", status: 403 };
  for (let subject = 0; subject < 1_000; subject++) {
    nowMs += 9;
    log.note("refusal", { subject: `s${subject}`.padEnd(1_000, "x"), what });
  }
  expect(lines).toHaveLength(20);
  expect(JSON.stringify(lines).length).toBeLessThan(20 * 400);
  // One kind takes no room from another.
  log.note("query", { subject: "s0", what, figures: { ms: 1 } });
  log.note("query", { subject: "s0", what, figures: { ms: 2 } });
  expect(lines).toHaveLength(21);
  nowMs += 10_000;
  log.note("refusal", { subject: "s0", what });
  expect(lines[21]).toEqual([{ unwritten: 980 }, "more requests refused, for the same reasons or others"]);
  expect(lines[22]).toEqual([{ unwritten: 1 }, "more queries, the same or others"]);
  expect(lines[23]).toEqual([{ ...what, subject: "s0" }, "request refused"]);
});
