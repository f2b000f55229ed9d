/**
 * What can differ between two loads: where they post to, how many requests wait at once, and what the bodies are like.
 */
import { join } from "node:path";
import { batchEventsMax } from "../../src/event/limits.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, realKeys, singleBodies } from "./events.ts";
import { respelled, type Spelling } from "./spelling.ts";
import type { Repeats } from "./wrk.ts";

/** One event a request, or a batch. */
export type Form = "single" | "batch";

/** What requests are like. */
export type Requests = {
  form: Form;
  eventsPerRequest: number;
  /** How many of them wait for their answers at any time in a closed loop. */
  connections: number;
  encoding?: "gzip";
  /**
   * Sends some requests again. The ids are then made by clients, or a request that is sent again would be a new event.
   */
  repeats?: Repeats;
  /** Whose encoder wrote the bodies. Default: JavaScript's. */
  spelling?: Spelling;
};

/** Single events over this many connections. */
export const singles = (connections: number): Requests => ({ form: "single", eventsPerRequest: 1, connections });

/** Full batches over this many connections. */
export const batches = (connections: number): Requests => {
  return { form: "batch", eventsPerRequest: batchEventsMax, connections };
};

/** For sentences: `single events`, `batches of 100`. */
export function textOf({ form, eventsPerRequest }: Requests): string {
  return form === "single" ? "single events" : `batches of ${eventsPerRequest}`;
}

/** The path of an address. */
export function pathOf({ form }: Pick<Requests, "form">): string {
  return form === "single" ? "/api/v1/analytics" : "/api/v1/analytics/batch";
}

/**
 * Who makes the ids: what was asked for, unless the load leaves no choice. `wrk` cannot write an id into a compressed
 * body.
 */
export function idsOf(
  { encoding, repeats }: Pick<Requests, "encoding" | "repeats">,
  asked: Bench["ids"],
): Bench["ids"] {
  if (repeats !== undefined) return "client";
  return encoding === undefined ? asked : "server";
}

/** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
const bodiesMax = 1_000;
const bodiesEventsMax = 5_000;

/**
 * Writes the bodies of a load, one a line, into the run's folder, in the form that `ingest.lua` reads, and returns the
 * path.
 */
export async function writeBodies(
  requests: Requests,
  { seed, ids, folder }: Pick<Bench, "seed" | "ids" | "folder">,
): Promise<string> {
  const { form, eventsPerRequest: eventsPerBatch, encoding, spelling = "javascript" } = requests;
  const count = Math.min(bodiesMax, Math.ceil(bodiesEventsMax / eventsPerBatch));
  const options = { seed, nowMs: Date.now(), ids: idsOf(requests, ids), count };
  const written = form === "single" ? singleBodies(options) : batchBodies({ ...options, eventsPerBatch });
  const bodies = written.map((body) => respelled(body, spelling, realKeys));
  const lines = encoding === "gzip" ? bodies.map((body) => Bun.gzipSync(body).toHex()) : bodies;
  const path = join(folder, `${form}-${eventsPerBatch}-${spelling}.bodies`);
  await Bun.write(path, `${lines.join("\n")}\n`);
  return path;
}
