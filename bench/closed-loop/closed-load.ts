/** What can differ between two closed loops: where it posts to, how many at once, and what the bodies are like. */
import { join } from "node:path";
import type { Goal } from "../core/result.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, singleBodies } from "../load/events.ts";
import type { Repeats } from "../load/wrk.ts";

/** One kind of load, put on the floor and on the service alike: each answer makes room for the next request. */
export type ClosedLoad = {
  /** What it is called on the command line and in the tables. */
  name: string;
  /** One line for `--help`. */
  summary: string;
  endpoint: "single" | "batch";
  /** How many requests wait for their answers at any time. */
  connections: number;
  eventsPerRequest: number;
  /** How long each side is measured unless the command line says otherwise. */
  seconds: number;
  /** The same in a quick look. */
  secondsQuick: number;
  encoding?: "gzip";
  /** Sends some requests again. The ids are then made by clients, or a repeat would be a new event. */
  repeats?: Repeats;
  /** Beside the limit of memory, which holds for all of them. */
  goals: Goal[];
};

/** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
const bodiesMax = 1_000;
const bodiesEventsMax = 5_000;

/** The path of an address. */
export function pathOf({ endpoint }: ClosedLoad): string {
  return endpoint === "single" ? "/api/v1/analytics" : "/api/v1/analytics/batch";
}

/** Who makes the ids: what was asked for, unless the load leaves no choice. `wrk` cannot write an id into what is compressed. */
export function idsOf({ encoding, repeats }: ClosedLoad, asked: Bench["ids"]): Bench["ids"] {
  if (repeats !== undefined) return "client";
  return encoding === undefined ? asked : "server";
}

/** Writes the bodies of a load into the run's folder, in the form that `ingest.lua` reads, and returns the path. */
export async function writeBodies(
  load: ClosedLoad,
  { seed, ids, folder }: Pick<Bench, "seed" | "ids" | "folder">,
): Promise<string> {
  const { eventsPerRequest: eventsPerBatch, encoding } = load;
  const count = Math.min(bodiesMax, Math.ceil(bodiesEventsMax / eventsPerBatch));
  const options = { seed, nowMs: Date.now(), ids: idsOf(load, ids), count };
  const bodies = load.endpoint === "single" ? singleBodies(options) : batchBodies({ ...options, eventsPerBatch });
  const lines = encoding === "gzip" ? bodies.map((body) => Bun.gzipSync(body).toHex()) : bodies;
  const path = join(folder, `${load.name}.bodies`);
  await Bun.write(path, `${lines.join("\n")}\n`);
  return path;
}
