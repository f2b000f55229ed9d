/**
 * What a request may be addressed to. Anything else gets a refusal in JSON: never a page of the runtime, never another
 * path's answer.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { isHost, plainPathOf } from "../../src/http/edge/target.ts";
import { endpoints, methodsIn } from "../../src/http/endpoints.ts";
import { draws, fc } from "../support/property.ts";
import { type RawAnswer, rawHead, sendRaw } from "../support/raw.ts";
import { expectNoInsides, expectWellRefused } from "../support/refusals.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const methods = methodsIn(endpoints);

const wrongHosts = [
  ...[
    "a:b",
    "[::1",
    "::1]",
    "",
    "<b>",
    "a b",
    "a\tb",
    "x/y",
    "x/nope",
    "a@b",
    "x?y",
    "x#y",
    "a,b",
    "%zz",
    "a%20b",
    "a\\b",
  ],
  ...["x:99999", "x:-1", "x:1:2", "x:0x50", "[zz]", "[::1]x", "[]", ":80", ".", "..", "a..b", "1.2.3", "256.1.1.1"],
  ...["\xc3\xa9", "http://x", "'", '"', "a;b", "[fe80::1%25eth0]", "x".repeat(300)],
];

const rightHosts = [
  "localhost",
  "localhost:3000",
  "a.example:80",
  "a.example.",
  "x:",
  "my_service:1",
  "127.0.0.1:3000",
  "[::1]",
  "[::1]:80",
];

/** Other spellings of `/metrics`, and what a path may not be. */
const wrongTargets = [
  // It resolves to `/`, past the depth at which the router keeps segments.
  `${"/a".repeat(20)}${"/..".repeat(20)}`,
  ...[
    "//metrics",
    "//evil/metrics",
    "/\\evil/metrics",
    "\\metrics",
    "/metrics\\",
    "///metrics",
    "/x//metrics",
    "/metrics//",
  ],
  ...[
    "/./metrics",
    "/../metrics",
    "/x/../metrics",
    "/metrics/.",
    "/metrics/..",
    "/metrics/../",
    "/a/b/c/../../../metrics",
  ],
  ...["/%2e/metrics", "/%2e%2e/metrics", "/.%2e/metrics", "/%2E./metrics", "/x/%2e%2e/metrics", "/%2e%2e%2fmetrics"],
  ...[
    "/%6detrics",
    "/%2fmetrics",
    "/%5cmetrics",
    "/metrics%2f",
    "/metrics%00",
    "/metrics%3fx",
    "/metrics%23x",
    "/%zz",
    "/%",
    "/%0",
  ],
  ...["/metrics#x", "/metrics%09", "/m\xe9trics", "/%E2%80%AE", "/metrics%20", "/api\\v1\\analytics\\health"],
  ...[
    "/api/v1/../v1/analytics/health",
    "/api//v1/analytics/health",
    "/api/v1/analytics/%68ealth",
    "/%61pi/v1/analytics",
  ],
];

/** What the runtime itself refuses, with a status and nothing else. */
const brokenRequests = [
  ...["*", "metrics", "", "?x", "foo:bar"].map((target) => rawHead(target)),
  rawHead("*", { method: "OPTIONS" }),
  rawHead("/metrics", { host: "a\0b" }),
  rawHead("/a b"),
  rawHead("/metrics\t"),
  rawHead("/\x01"),
  rawHead(`/${"a".repeat(40_000)}`),
  rawHead("/metrics", { method: "GE T" }),
  "GET /metrics HTTP/1.1\r\n\r\n",
  "GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n",
  "GET /metrics\r\n\r\n",
  "GET /metrics HTTP/1.1\nHost: x\n\n",
  "\x16\x03\x01\x02\x00\x01",
];

/** Expects no trace of the runtime: no page, no stack, no path of the machine. */
function expectNothingOfTheRuntime({ text }: RawAnswer) {
  expect(text.toLowerCase()).not.toMatch(/<html|<!doctype|<script|bun\b|elysia|stack/);
  expectNoInsides(text);
}

function expectRawRefused(answer: RawAnswer, status: number) {
  expect(answer.text).toStartWith(`HTTP/1.1 ${status} `);
  expectNothingOfTheRuntime(answer);
  expectWellRefused({ status, headers: answer.headers, text: answer.body });
}

const service = sharedService({ env: { MILLRACE_LOG: "info" } });

/** Sends bytes over a connection of their own, and checks the answer. */
async function sent(bytes: string, check: (answer: RawAnswer) => void) {
  check(await sendRaw(service().url, bytes));
}

test("a Host that is not one is 400, on any path, by any method", async () => {
  for (const host of wrongHosts) {
    for (const target of ["/nope", "/metrics", paths.track, "/%zz"])
      await sent(rawHead(target, { host }), (answer) => expectRawRefused(answer, 400));
    for (const method of ["POST", "DELETE", "OPTIONS", "CONNECT"])
      await sent(rawHead(paths.track, { host, method }), (answer) => expectRawRefused(answer, 400));
  }
});

test("every path refuses a wrong Host, also one that is not served", async () => {
  for (const [path, allowed] of [...methods, ["/", "GET"] as const, ["/a/b/c/d/e/f", "GET"] as const]) {
    const [method = ""] = allowed.split(", ");
    await sent(rawHead(path, { host: "a:b", method }), (answer) => expectRawRefused(answer, 400));
  }
});

test("a Host that is a name or an address is served, and so is HTTP/1.0 without one", async () => {
  for (const host of rightHosts) {
    await sent(rawHead("/metrics", { host }), ({ status }) => expect([host, status]).toEqual([host, 200]));
    await sent(rawHead("/nope", { host }), (answer) => expectRawRefused(answer, 404));
  }
  for (const path of [paths.health, "/metrics", "/openapi/json"])
    await sent(`GET ${path} HTTP/1.0\r\n\r\n`, ({ status }) => expect([path, status]).toEqual([path, 200]));
});

test("two Host headers are refused", async () => {
  const head = rawHead("/metrics", { headers: ["Host: other"] });
  await sent(head, ({ status }) => expect(status).toBe(400));
});

test("a path that is not in plain form is 400, whatever it would lead to", async () => {
  for (const target of wrongTargets)
    await sent(rawHead(target), (answer) => {
      if (target.startsWith("\\")) expect(answer.status).toBe(400);
      else expectRawRefused(answer, 400);
    });
});

test("no random path but a served one is answered with anything but a refusal", async () => {
  const piece = fc.constantFrom(
    "/",
    "/",
    ".",
    "..",
    "%2e",
    "%2F",
    "\\",
    "%5c",
    ";",
    "metrics",
    "openapi",
    "api/v1/analytics/health",
    "@",
    "#",
    "?",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
      const target = `/${pieces.join("")}`;
      const answer = await sendRaw(service().url, rawHead(target));
      expectNothingOfTheRuntime(answer.status === 200 ? { ...answer, text: "" } : answer);
      const path = target.split("?", 1)[0] ?? "";
      expect([target, answer.status === 200]).toEqual([target, methods.get(path)?.startsWith("GET") === true]);
    }),
    draws(200),
  );
});

test("a served path is served with a query string and in absolute form, and not with a final slash", async () => {
  for (const target of [
    "/metrics?x=/../y",
    "/metrics?a?b",
    "/metrics?",
    "http://localhost/metrics",
    "HTTP://LOCALHOST/metrics",
    "/",
    "/?metrics",
    "http://localhost",
  ])
    await sent(rawHead(target), ({ status }) => expect([target, status]).toEqual([target, 200]));
  for (const target of ["/metrics/", "/Metrics", "/metrics;x", "/metrics/x"])
    await sent(rawHead(target), (answer) => expectRawRefused(answer, 404));
});

test("a method that a path does not have is 405, and HEAD has no body", async () => {
  for (const method of ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]) {
    await sent(rawHead("/metrics", { method }), (answer) => {
      expectRawRefused(answer, 405);
      expect(answer.headers.get("allow")).toBe("GET, HEAD");
    });
    await sent(rawHead("/nope", { method }), (answer) => expectRawRefused(answer, 404));
  }
  for (const [target, expected] of [
    ["/metrics", 200],
    [paths.health, 200],
    ["/nope", 404],
    [paths.track, 405],
    ["//x", 400],
  ] as const)
    await sent(rawHead(target, { method: "HEAD" }), ({ status, body }) =>
      expect([target, status, body]).toEqual([target, expected, ""]),
    );
  await sent(rawHead("x:80", { method: "CONNECT" }), (answer) => expectRawRefused(answer, 400));
});

test("very long paths are refused like short ones", async () => {
  for (const target of [`/${"a".repeat(14_000)}`, `/${"a/".repeat(7_000)}`])
    await sent(rawHead(target), (answer) => expectRawRefused(answer, 404));
  await sent(rawHead(`/${"../".repeat(4_000)}metrics`), ({ status }) => expect([400, 404]).toContain(status ?? 0));
  await sent(rawHead(`/${"%2e%2e/".repeat(4)}metrics`), (answer) => expectRawRefused(answer, 400));
});

test("what the runtime refuses by itself shows nothing of it either", async () => {
  for (const request of brokenRequests)
    await sent(request, (answer) => {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expectNothingOfTheRuntime(answer);
    });
  // A method that the runtime does not know is not answered at all.
  for (const method of ["FOO", "get", "X".repeat(5_000)])
    await sent(rawHead("/metrics", { method }), expectNothingOfTheRuntime);
});

test("none of it was an error of the service", async () => {
  const metrics = await service().metricsText();
  expect(metrics).not.toContain('reason="internal"');
  expect(metrics).toContain('reason="host_invalid"');
  expect(metrics).toContain('reason="path_not_plain"');
  expect(service().stderr).not.toContain("request failed");
});

test("hosts and paths of any text are judged without an error", () => {
  for (const host of rightHosts) expect([host, isHost(host)]).toEqual([host, true]);
  for (const host of wrongHosts) expect([host, isHost(host)]).toEqual([host, false]);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect([true, false]).toContain(isHost(text));
      const path = plainPathOf(text);
      if (path !== undefined) expect(new URL(path, "http://x").pathname).toBe(path);
      if (isHost(text)) expect(() => new URL(`http://${text}/`)).not.toThrow();
    }),
    draws(2_000),
  );
});
