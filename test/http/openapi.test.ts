/** The OpenAPI document: what stands in it, and that a client made from it by a public generator works. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { categories, priorities } from "../support/arbitraries.ts";
import { runToEnd } from "../support/command.ts";
import { repoRoot } from "../support/process.ts";
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
    for (const word of [...fields, "event_id", "client_id", "detail", ...categories, ...priorities]) {
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

test("there is a page for it under /openapi", async () => {
  const response = await service().request("/openapi", { token: null });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/html");
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
  body: { event_name: "generated", category: "trading", priority: "high", properties: { a: [1, "b", null] } },
});
if (one.data === undefined) throw new Error(JSON.stringify(one.error));
const id: string = one.data.event_id;
const many = await client.POST("/api/v1/analytics/batch", {
  body: { events: [{ event_name: "generated" }, { event_name: "generated", timestamp: null }], client_id: "gen" },
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
  const folder = mkdtempSync(join(tmpdir(), "millrace-client-"));
  try {
    // Packages resolve as they do in the repository.
    symlinkSync(join(repoRoot, "node_modules"), join(folder, "node_modules"));
    const before = await service().stats();
    const packages = join(repoRoot, "node_modules");
    const generator = join(packages, "openapi-typescript/bin/cli.js");
    // The generator takes a field with a default for required, in requests too, unless told that it is not.
    const options = ["-o", join(folder, "schema.d.ts"), "--default-non-nullable=false"];
    const generated = await runToEnd([process.execPath, generator, `${service().url}/openapi/json`, ...options], {
      cwd: folder,
    });
    expect(generated).toMatchObject({ code: 0 });
    await Bun.write(join(folder, "program.ts"), program);
    const strictly = ["--strict", "--noEmit", "--target", "ESNext", "--module", "Preserve", "--types", "bun-types"];
    const compiled = await runToEnd(
      [process.execPath, join(packages, "typescript/bin/tsc"), ...strictly, "--skipLibCheck", "program.ts"],
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
    rmSync(folder, { recursive: true, force: true });
  }
});
