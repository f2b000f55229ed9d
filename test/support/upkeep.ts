/** Asking a service for its upkeep, and what must be true of it and of its folder afterwards. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { verifyFolder } from "../../src/offline/verify.ts";
import { currentSegments } from "../../src/store/folder/current.ts";
import { dataFolder, parseSegmentName } from "../../src/store/folder/names.ts";
import { shaped } from "./answers.ts";
import { filesUnder, namesUnder } from "./folders.ts";
import { childrenOf, programOf } from "./process.ts";
import { RequestRefused, type Service } from "./service.ts";
import { until } from "./until.ts";

const count = Type.Integer({ minimum: 0 });

const receiptAnswer = Type.Object({
  id: Type.String(),
  erased: count,
  erased_at: Type.String(),
  by: Type.Union([Type.String(), Type.Null()]),
  request_hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  catalog_version: count,
  not_searched: Type.Array(Type.String()),
});

const compactAnswer = Type.Object({ merges: count, repeats_removed: count, segments: count });

/** An environment in which replaced segments go soon. */
export const briefGrace = { MILLRACE_GRACE_SECONDS: "0.3" };

/** Upkeep has the lowest share of the processor: a busy machine makes it wait for long. ms */
const upkeepMsMax = 240_000;

/** Posts to an endpoint for admins; whoever it is about. */
export async function postAsAdmin(service: Service, path: "erase" | "compact", body: unknown): Promise<Response> {
  const token = service.token({ scope: "admin", subject: "officer" });
  return await service.request(`/api/v1/analytics/${path}`, {
    body: JSON.stringify(body),
    token,
    limitMs: upkeepMsMax,
  });
}

async function bodyOf(response: Response): Promise<unknown> {
  const { status, headers } = response;
  const text = await response.text();
  if (status !== 200) throw new RequestRefused({ status, headers, text });
  return JSON.parse(text);
}

/** @throws RequestRefused for any answer but 200 */
export async function erase(service: Service, request: object) {
  return shaped(receiptAnswer, await bodyOf(await postAsAdmin(service, "erase", request)));
}

/** @throws RequestRefused for any answer but 200 */
export async function compact(service: Service) {
  return shaped(compactAnswer, await bodyOf(await postAsAdmin(service, "compact", {})));
}

/** Names of segments, current and replaced. */
export function segmentsOf(dataDir: string): { current: string[]; replaced: string[] } {
  const named = readdirSync(join(dataDir, "segments"))
    .sort()
    .flatMap((file) => {
      const name = parseSegmentName(file);
      return name === undefined ? [] : [{ file, name }];
    });
  const { current, replaced } = currentSegments(named);
  return { current: current.map(({ file }) => file), replaced: replaced.map(({ file }) => file) };
}

/** Files of a data folder in which any of these byte strings stands, as `file: what`. */
export function filesWith(dataDir: string, needles: ReadonlyMap<string, Uint8Array>): string[] {
  return filesUnder(dataDir).flatMap((path) => {
    const bytes = readFileSync(path);
    return [...needles].filter(([, needle]) => bytes.includes(needle)).map(([what]) => `${path}: ${what}`);
  });
}

/** An id in each form in which some file may hold it: text, the words of an id log, a UUID of DuckDB. */
export function formsOfId(id: string): [what: string, needle: Uint8Array][] {
  const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
  const words = Buffer.from(bytes).swap32();
  const duckdb = Buffer.from(bytes).reverse();
  duckdb[15] = (duckdb[15] ?? 0) ^ 0x80;
  return [
    [`${id} as text`, Buffer.from(id)],
    [`${id} as words`, words],
    [`${id} as a UUID`, duckdb],
  ];
}

/** Unfinished files, and folders that DuckDB spilt into. */
export function leftovers(dataDir: string): string[] {
  return namesUnder(dataDir).filter((path) => path.includes(".tmp"));
}

/** Waits until nothing unfinished is left in a running service's folder: it may be writing a segment or a catalog. */
export async function expectNoLeftovers(dataDir: string): Promise<void> {
  const left = () => leftovers(dataDir);
  await until(() => left().length === 0, { what: "no leftovers", limitMs: 10_000, state: () => left().join(", ") });
}

/** The catalog, its rollups, the stats and SQL over HTTP tell the same number of events; gives it. */
export async function agreedCount(service: Service): Promise<number> {
  await service.waitSealed();
  const [counted] = await service.rows(
    `SELECT (SELECT count(*) FROM events)::INTEGER AS events, (SELECT count(DISTINCT event_id) FROM events)::INTEGER AS ids,
       (SELECT coalesce(sum(events), 0) FROM events_hourly)::INTEGER AS hourly`,
  );
  const { total_events, events_by_category } = await service.stats();
  const overHttp = await until(() => countOverHttp(service), { what: "a count over HTTP", limitMs: 20_000 });
  const byCategory = Object.values(events_by_category).reduce((sum, events) => sum + events, 0);
  const told: Record<string, unknown> = { ...counted, byCategory, overHttp };
  expect(told).toEqual({
    events: total_events,
    ids: total_events,
    hourly: total_events,
    byCategory: total_events,
    overHttp: total_events,
  });
  return total_events;
}

/** Undefined where the answer is to ask again: on a busy machine a query may take longer than it may. */
async function countOverHttp(service: Service): Promise<number | undefined> {
  const response = await service.request("/api/v1/analytics/query", {
    body: JSON.stringify({ sql: "SELECT count(*) FROM events", format: "csv" }),
    token: service.token({ scope: "query" }),
  });
  const text = await response.text();
  if (response.status === 503 || response.status === 504) return undefined;
  expect({ status: response.status, text }).toMatchObject({ status: 200 });
  return Number(text.trim().split("\n").at(-1));
}

/**
 * Stops the service and has its folder checked: whole, and nothing unfinished in it. In this process, because starting
 * `millrace verify` takes longer than the check.
 */
export async function expectSoundFolder(service: Service): Promise<void> {
  expect(await service.stop()).toBe(0);
  const { problems, segments } = await verifyFolder(dataFolder(service.dataDir));
  expect(problems).toEqual([]);
  expect(segments).toBe(segmentsOf(service.dataDir).current.length);
  expect(leftovers(service.dataDir)).toEqual([]);
}

/** Every event in all columns, as text, by id. */
export async function wholeContent(service: Service): Promise<string[]> {
  const rows = await service.rows("SELECT events::VARCHAR AS event FROM events ORDER BY event_id, received_at");
  return rows.map(({ event }) => String(event));
}

const findRewriter = (service: Service) =>
  childrenOf(service.pid).find((pid) => /\/rewrite-process\.[tj]s$/.test(programOf(pid) ?? ""));

const rewriterWait = { what: "a rewriting process", limitMs: 10_000, everyMs: 1 };

/** The process that rewrites segments, once it is that: before, it is still the shell that starts it. */
export const rewriterOf = (service: Service) => until(() => findRewriter(service), rewriterWait);

/** Kills the process that rewrites segments, `afterMs` after it was seen, unless the work that needs it ends first. */
export async function killRewriter(service: Service, during: Promise<unknown>, afterMs = 0): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  during.then(over, over);
  const child = await until(() => isOver || findRewriter(service), rewriterWait);
  await Bun.sleep(afterMs);
  if (typeof child === "number" && childrenOf(service.pid).includes(child)) process.kill(child, "SIGKILL");
}
