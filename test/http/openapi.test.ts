/** The OpenAPI document: what stands in it, and that a client made from it by a public generator works. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { categories, priorities } from "../support/arbitraries.ts";
import { runToEnd } from "../support/command.ts";
import { repoRoot } from "../support/process.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const operation = Type.Object({
  security: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Array(Type.String())))),
  requestBody: Type.Optional(Type.Object({ content: Type.Record(Type.String(), Type.Unknown()) })),
  responses: Type.Record(Type.String(), Type.Object({ description: Type.String() })),
});
const openApi = Type.Object({
  openapi: Type.String({ pattern: "^3\\.[01]\\.\\d+$" }),
  info: Type.Object({ title: Type.String(), version: Type.String() }),
  paths: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
  components: Type.Object({
    securitySchemes: Type.Record(
      Type.String(),
      Type.Object({ type: Type.String(), scheme: Type.Optional(Type.String()) }),
    ),
  }),
});

async function read() {
  const response = await service().request("/openapi/json", { token: null });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  const document = shaped(openApi, await response.json());
  const at = (path: string, method: string) => shaped(operation, document.paths[path]?.[method]);
  return { document, at };
}

describe("the document", () => {
  test("has the reference's four endpoints, with bodies and answers", async () => {
    const { at } = await read();
    for (const path of [paths.track, paths.batch]) {
      const post = at(path, "post");
      expect(Object.keys(post.requestBody?.content ?? {})).toContain("application/json");
      expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(["200", "422"]));
    }
    expect(Object.keys(at(paths.stats, "get").responses)).toContain("200");
    expect(Object.keys(at(paths.health, "get").responses)).toContain("200");
  });

  test("asks for a bearer token on all of them but health", async () => {
    const { document, at } = await read();
    const bearers = Object.entries(document.components.securitySchemes)
      .filter(([, scheme]) => scheme.type === "http" && scheme.scheme?.toLowerCase() === "bearer")
      .map(([name]) => name);
    expect(bearers).not.toBeEmpty();
    for (const [path, method] of [
      [paths.track, "post"],
      [paths.batch, "post"],
      [paths.stats, "get"],
    ] as const) {
      const names = (at(path, method).security ?? []).flatMap((needed) => Object.keys(needed));
      expect(bearers).toContain(names[0] ?? `none on ${path}`);
    }
    expect(at(paths.health, "get").security ?? []).toEqual([]);
  });

  test("names each field, category and priority, and every reference within it leads somewhere", async () => {
    const { document } = await read();
    const text = JSON.stringify(document);
    const fields = ["event_name", "properties", "timestamp", "session_id", "page_url", "referrer", "user_agent"];
    for (const word of [
      ...fields,
      "user_id",
      "anonymous_id",
      "event_id",
      "client_id",
      "detail",
      ...categories,
      ...priorities,
    ]) {
      expect(text).toContain(`"${word}"`);
    }
    for (const [, pointer] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
      const [root, ...steps] = (pointer ?? "").split("/");
      expect(root).toBe("#");
      let here: unknown = document;
      for (const step of steps) here = Object.entries(Object(here)).find(([key]) => key === step)?.[1];
      expect({ pointer, found: here !== undefined }).toEqual({ pointer, found: true });
    }
  });
});

describe("the page under /openapi", () => {
  const get = (path: string, headers: Record<string, string> = {}) => service().request(path, { token: null, headers });

  /** Every address that HTML or a style sheet loads something from. */
  function loaded(text: string): string[] {
    const attributes = [...text.matchAll(/\b(?:src|href|action|data|poster|srcset)\s*=\s*["']([^"']*)/gi)];
    const styles = [...text.matchAll(/url\(\s*["']?([^"')]*)|@import\s+["']([^"']*)/gi)];
    return [...attributes, ...styles].map(([, first, second]) => first ?? second ?? "");
  }

  test("is there, with all of its files, and none of them is on another host", async () => {
    const page = await get("/openapi");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await page.text();
    const files = loaded(html).filter((address) => !address.startsWith("data:"));
    expect(files).toHaveLength(3);
    for (const file of files) {
      const url = new URL(file, `${service().url}/openapi`);
      expect(url.origin).toBe(service().url);
      const answer = await get(url.pathname);
      expect([file, answer.status]).toEqual([file, 200]);
      const type = file.endsWith(".css") ? "text/css" : "text/javascript";
      expect(answer.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
      const text = await answer.text();
      expect(text.length).toBeGreaterThan(50);
      if (file.endsWith(".css")) for (const address of loaded(text)) expect(address).toStartWith("data:");
    }
    // A script within the page would be stopped by the page's own policy.
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/https?:|\/\//);
  });

  test("its policy lets a browser load nothing from another host, whatever a script wants", async () => {
    const policy = (await get("/openapi")).headers.get("content-security-policy") ?? "";
    const directives = new Map(
      policy.split("; ").map((directive) => {
        const [name = "", ...sources] = directive.split(" ");
        return [name, sources];
      }),
    );
    expect(directives.get("default-src")).toEqual(["'none'"]);
    expect(directives.get("script-src")).toEqual(["'self'"]);
    for (const sources of directives.values())
      for (const source of sources) expect(["'none'", "'self'", "'unsafe-inline'", "data:"]).toContain(source);
  });

  test("its script asks for the document that is served", async () => {
    const script = await (await get("/openapi/page.js")).text();
    const url = /url: "([^"]+)"/.exec(script)?.[1] ?? "";
    expect(new URL(url, `${service().url}/openapi`).pathname).toBe("/openapi/json");
    expect(script).toContain("validatorUrl: null");
  });

  test("is not sent again to a browser that has it, answers HEAD, and takes no other method", async () => {
    for (const path of ["/openapi", "/openapi/page.js", "/openapi/swagger-ui.css", "/openapi/swagger-ui-bundle.js"]) {
      const answer = await get(path);
      const bytes = (await answer.bytes()).byteLength;
      const again = await get(path, { "if-none-match": answer.headers.get("etag") ?? "" });
      expect([path, again.status, await again.text()]).toEqual([path, 304, ""]);
      const head = await service().request(path, { token: null, method: "HEAD" });
      expect([path, head.status, head.headers.get("content-length")]).toEqual([path, 200, String(bytes)]);
      await expectRefused(await service().request(path, { token: null, method: "POST", body: "{}" }), 405);
    }
    await expectRefused(await get("/openapi/package.json"), 404);
    await expectRefused(await get("/openapi/"), 404);
  });
});

/** What a user of the generated client writes; it must compile as strictly as the service itself. */
const program = `
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const baseUrl = process.env["BASE_URL"];
const token = process.env["TOKEN"];
if (baseUrl === undefined || token === undefined) throw new Error("BASE_URL and TOKEN");
const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } });

const one = await client.POST("/api/v1/analytics", {
  body: { event_name: "generated", category: "trading", priority: "high", user_id: "u-1", properties: { a: [1, "b", null] } },
});
if (one.data === undefined) throw new Error(JSON.stringify(one.error));
const id: string = one.data.event_id;
const many = await client.POST("/api/v1/analytics/batch", {
  body: { events: [{ event_name: "generated" }, { event_name: "generated", timestamp: null, anonymous_id: null }], client_id: "gen" },
});
if (many.data === undefined) throw new Error(JSON.stringify(many.error));
const queued: number = many.data.events_queued;
const refused = await client.POST("/api/v1/analytics", { body: { event_name: "" } });
const issues = refused.error;
const stats = await client.GET("/api/v1/analytics/stats");
const total: number | undefined = stats.data?.total_events;
const health = await client.GET("/api/v1/analytics/health");
console.log(JSON.stringify({ id, queued, refused: refused.response.status, issues, total, health: health.response.status }));
`;

test("a client generated from it compiles strictly, posts, and reads its events back", async () => {
  const root = mkdtempSync(join(tmpdir(), "millrace-client-"));
  const folder = join(root, "test");
  mkdirSync(folder);
  try {
    // Packages resolve as they do in the repository.
    symlinkSync(join(repoRoot, "node_modules"), join(root, "node_modules"));
    symlinkSync(join(repoRoot, "test/node_modules"), join(folder, "node_modules"));
    const before = await service().stats();
    const generator = join(repoRoot, "test/node_modules/openapi-typescript/bin/cli.js");
    // The generator takes a field with a default for required, in requests too, unless told that it is not.
    const options = ["-o", join(folder, "schema.d.ts"), "--default-non-nullable=false"];
    const generated = await runToEnd([process.execPath, generator, `${service().url}/openapi/json`, ...options], {
      cwd: folder,
    });
    expect(generated).toMatchObject({ code: 0 });
    await Bun.write(join(folder, "program.ts"), program);
    const strictly = ["--strict", "--noEmit", "--target", "ESNext", "--module", "Preserve", "--types", "bun-types"];
    const compiled = await runToEnd(
      [
        process.execPath,
        join(repoRoot, "node_modules/typescript/bin/tsc"),
        ...strictly,
        "--skipLibCheck",
        "program.ts",
      ],
      { cwd: folder, limitMs: 40_000 },
    );
    expect(compiled).toMatchObject({ code: 0, stdout: "" });
    const ran = await runToEnd([process.execPath, "program.ts"], {
      cwd: folder,
      env: { BASE_URL: service().url, TOKEN: service().token({}) },
    });
    expect(ran).toMatchObject({ code: 0 });
    const told = JSON.parse(ran.stdout);
    expect(told).toMatchObject({ queued: 2, refused: 422, total: before.total_events + 3, health: 200 });
    expect(told.issues.detail[0].type).toBe("string_too_short");
    await service().waitSealed();
    expect(await service().count(`event_name = 'generated' AND (event_id = '${told.id}' OR client_id = 'gen')`)).toBe(
      3,
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
