/** What is refused before it is read, and how large what is read may be. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expectNoInsides, expectRefused } from "../support/refusals.ts";
import { paths, type RequestOptions, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const limitBytes = 4096;
const service = sharedService();
const tight = sharedService({ env: { MILLRACE_MAX_BODY_BYTES: String(limitBytes) } });

/** An event of exactly this many bytes. */
function eventOf(bytes: number): string {
  const frame = '{"event_name":"limits","session_id":""}';
  return frame.replace('""}', `"${"x".repeat(bytes - frame.length)}"}`);
}

/** The text in pieces and without a length: fetch sends it chunked. */
function chunked(text: string): ReadableStream<Uint8Array> {
  const pieces = text.match(/.{1,1000}/gs) ?? [];
  return new ReadableStream({
    async pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
}

describe("MILLRACE_MAX_BODY_BYTES", () => {
  test("a body of exactly the limit is read", async () => {
    expect((await tight().request(paths.track, { body: eventOf(limitBytes) })).status).toBe(200);
  });

  test("a byte more is 413", async () => {
    await expectRefused(await tight().request(paths.track, { body: eventOf(limitBytes + 1) }), 413);
    await expectRefused(await tight().request(paths.batch, { body: eventOf(limitBytes + 1) }), 413);
  });

  test("a chunked body is measured by what came", async () => {
    expect((await tight().request(paths.track, { body: chunked(eventOf(limitBytes)) })).status).toBe(200);
    await expectRefused(await tight().request(paths.track, { body: chunked(eventOf(limitBytes + 1)) }), 413);
    await expectRefused(await tight().request(paths.track, { body: chunked(eventOf(64 * limitBytes)) }), 413);
  });

  test("a megabyte is the default", async () => {
    expect((await service().request(paths.track, { body: eventOf(1024 * 1024) })).status).toBe(200);
    await expectRefused(await service().request(paths.track, { body: eventOf(1024 * 1024 + 1) }), 413);
  });

  test("after a 413 the service answers as before", async () => {
    await expectRefused(await tight().request(paths.track, { body: eventOf(512 * limitBytes) }), 413);
    expect(await tight().track({ event_name: "after" })).toMatchObject({ success: true });
  });
});

describe("Content-Encoding", () => {
  const plain = JSON.stringify({ event_name: "packed", properties: { text: "ü".repeat(500) } });
  const packers: Record<string, (bytes: Uint8Array) => Uint8Array> = { gzip: gzipSync, zstd: zstdCompressSync };
  const packed = (encoding: string, bytes: Uint8Array): RequestOptions => ({
    body: new Uint8Array(packers[encoding]?.(bytes) ?? []),
    headers: { "content-encoding": encoding },
  });

  describe.each(Object.keys(packers))("%s", (encoding) => {
    test("an event and a batch come out as they went in", async () => {
      const before = await service().stats();
      expect((await service().request(paths.track, packed(encoding, Buffer.from(plain)))).status).toBe(200);
      const batch = Buffer.from(`{"events":[${plain},${plain}]}`);
      expect((await service().request(paths.batch, packed(encoding, batch))).status).toBe(200);
      expect((await service().stats()).total_events).toBe(before.total_events + 3);
    });

    test("the limit holds for what comes out", async () => {
      const fits = packed(encoding, Buffer.from(eventOf(limitBytes)));
      expect((await tight().request(paths.track, fits)).status).toBe(200);
      await expectRefused(await tight().request(paths.track, packed(encoding, Buffer.from(eventOf(5000)))), 413);
    });

    test("a bomb of 64 MB is 413, and memory hardly moves", async () => {
      const bomb = packed(encoding, Buffer.alloc(64 * 1024 * 1024, "x"));
      await expectRefused(await service().request(paths.track, bomb), 413);
      const before = service().residentBytes;
      for (let round = 0; round < 5; round++) await expectRefused(await service().request(paths.track, bomb), 413);
      expect(service().residentBytes - before).toBeLessThan(64 * 1024 * 1024);
    });

    test.each([
      ["corrupt", (bytes: Uint8Array) => bytes.map((byte, at) => (at > 12 ? byte ^ 0x5a : byte))],
      ["cut short", (bytes: Uint8Array) => bytes.slice(0, bytes.length - 5)],
      ["not packed at all", () => new Uint8Array(Buffer.from(plain))],
    ])("what is %s is refused", async (_what, spoil) => {
      const body = spoil(new Uint8Array(packers[encoding]?.(Buffer.from(plain)) ?? []));
      const response = await service().request(paths.track, {
        body: new Uint8Array(body),
        headers: { "content-encoding": encoding },
      });
      expect([400, 422]).toContain(response.status);
      expect(await response.json()).toHaveProperty("detail");
    });
  });

  test("identity is no encoding", async () => {
    const response = await service().request(paths.track, { body: plain, headers: { "content-encoding": "identity" } });
    expect(response.status).toBe(200);
  });

  test.each(["br", "compress", "gzip, gzip"])("%s is 415", async (encoding) => {
    const body = { body: plain, headers: { "content-encoding": encoding } };
    await expectRefused(await service().request(paths.track, body), 415);
  });
});

describe("Content-Type", () => {
  test.each(["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])("%s is read", async (type) => {
    const response = await service().request(paths.track, { body: eventOf(64), headers: { "content-type": type } });
    expect(response.status).toBe(200);
  });

  test.each(["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])(
    "%s is 415",
    async (type) => {
      for (const path of [paths.track, paths.batch]) {
        await expectRefused(
          await service().request(path, { body: eventOf(64), headers: { "content-type": type } }),
          415,
        );
      }
    },
  );
});

describe("paths and methods", () => {
  test.each(["/api/v1/analytic", "/api/v1/analytics/none", "/api", "/metrics/x"])("%s is 404", async (path) => {
    await expectRefused(await service().request(path), 404);
    await expectRefused(await service().request(path, { body: "{}" }), 404);
  });

  test.each([
    [paths.track, "GET", "POST"],
    [paths.track, "DELETE", "POST"],
    [paths.track, "PUT", "POST"],
    [paths.batch, "GET", "POST"],
    [paths.batch, "PATCH", "POST"],
    [paths.stats, "POST", "GET"],
    [paths.health, "POST", "GET"],
  ])("%s by %s is 405, and Allow names %s", async (path, method, allowed) => {
    const response = await service().request(path, { method });
    expect(response.headers.get("allow")?.split(/, */)).toContain(allowed);
    await expectRefused(response, 405);
  });
});

test("no refusal shows a stack, a path of the machine or SQL", async () => {
  const answers = [
    await service().request("/api/v1/nowhere"),
    await service().request(paths.track, { body: "{" }),
    await service().request(paths.track, { body: "", headers: { "content-encoding": "gzip" } }),
    await service().request(paths.track, { body: '{"event_name":"\\ud800"}' }),
    await service().request(paths.stats, { token: "a.b.c" }),
  ];
  for (const answer of answers) {
    const text = await answer.text();
    expect(answer.status).toBeLessThan(500);
    expectNoInsides(text);
  }
});

test("what was accepted here, up to the limit and packed, is sealed like all else", async () => {
  for (const of of [service(), tight()]) await of.waitSealed();
});
