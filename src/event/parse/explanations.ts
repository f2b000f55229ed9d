/** What is wrong with an event or a batch, by its schema. */
import { batchSchema, eventSchema } from "../schema.ts";
import type { Issue } from "./issue.ts";
import { issuesOf, type Place } from "./issues-of.ts";

/** Lists what is wrong with an event at a place of a body. */
export const issuesOfEvent = (place: Place): Issue[] => issuesOf(eventSchema, place);

/** Lists what is wrong with the body of a batch. */
export const issuesOfBatch = (place: Place): Issue[] => issuesOf(batchSchema, place);
