/**
 * Which typed views the catalog has, in the file `typed-views.json`: the service writes it from its schemas, and every
 * process that makes the catalog's views reads it, also one that knows nothing of the folder of schemas.
 */
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { keepJson, readKeptJson } from "../folder/kept-file.ts";
import type { DataFolder } from "../folder/names.ts";
import { propertyKinds, type TypedEvent, type TypedProperty } from "./typed-views.ts";

/** The events that have a typed view. A damaged file has none: the next start of the service writes it. */
export function readTypedEvents(folder: DataFolder): TypedEvent[] {
  const kept = readKeptJson(folder.typedViews);
  return kept.kind === "sound" ? listOf(kept.value["events"]).flatMap(eventOf) : [];
}

/** Writes the file durably, if it is not the same; without events there is none. */
export function keepTypedEvents(folder: DataFolder, events: readonly TypedEvent[]): void {
  const kept = readKeptJson(folder.typedViews);
  if (events.length === 0) {
    if (kept.kind === "missing") return;
    removeIfThere(folder.typedViews);
    syncFolder(folder.root);
    return;
  }
  const isSame = kept.kind === "sound" && JSON.stringify(kept.value["events"]) === JSON.stringify(events);
  if (!isSame) keepJson(folder.typedViews, { events });
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function eventOf(value: unknown): TypedEvent[] {
  const { eventName, properties } = Object(value);
  if (typeof eventName !== "string") return [];
  return [{ eventName, properties: listOf(properties).flatMap(propertyOf) }];
}

function propertyOf(value: unknown): TypedProperty[] {
  const { name, kind, description } = Object(value);
  const known = propertyKinds.find((each) => each === kind);
  if (typeof name !== "string" || known === undefined) return [];
  return [{ name, kind: known, ...(typeof description === "string" ? { description } : {}) }];
}
