/** Bounds of an event and of a batch. Apart from the schema, whose library takes 20 ms to load. */
import { fields } from "./fields.ts";

/** Most events that one batch may carry. */
export const batchEventsMax = 100;

/** Longest `event_name`, in code points. */
export const eventNameCodePointsMax = fields.event_name.codePointsMax;

/** Deepest nesting inside `properties`, in objects and arrays. */
export const propertiesDepthMax = fields.properties.levelsMax;
