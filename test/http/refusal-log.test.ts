/** The log says who was refused and why, and no client can flood it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { RefusalLog } from "../../src/http/edge/refusal-log.ts";
import { paths, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

test("a line names subject, reason and status, once for however many requests", async () => {
  await using service = await startService({ env: { MILLRACE_LOG: "info" } });
  const token = service.token({ subject: "reader", scope: "stats:read" });
  for (let turn = 0; turn < 100; turn++) {
    expect((await service.request(paths.track, { token, body: "{}" })).status).toBe(403);
    expect((await service.request(paths.stats, { token: "a.b.c" })).status).toBe(401);
  }
  await service.stop();
  const lines = service.stderr.split("\n").filter((line) => line.includes("request refused"));
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  // A slow run may reach into a second window of ten seconds.
  expect(told.length).toBeLessThanOrEqual(20);
  expect(told).toContainEqual(expect.objectContaining({ reason: "forbidden", status: 403, subject: "reader" }));
  expect(told).toContainEqual(expect.objectContaining({ reason: "unauthorized", status: 401, subject: null }));
});

test("twenty lines in ten seconds at most, and how many were left out is said later", () => {
  const lines: unknown[] = [];
  let nowMs = 0;
  const log = new RefusalLog({ info: (...line: unknown[]) => lines.push(line) }, { monotonicMs: () => nowMs });
  for (let subject = 0; subject < 1_000; subject++) {
    nowMs += 9;
    log.note({ reason: "forbidden", status: 403, subject: `s${subject}`.padEnd(1_000, "x") });
  }
  expect(lines).toHaveLength(20);
  expect(JSON.stringify(lines).length).toBeLessThan(20 * 400);
  nowMs += 10_000;
  log.note({ reason: "forbidden", status: 403, subject: "s0" });
  expect(lines[20]).toEqual([{ requests: 980 }, "more requests refused, for the same reasons or others"]);
  expect(lines[21]).toEqual([{ reason: "forbidden", status: 403, subject: "s0" }, "request refused"]);
});
