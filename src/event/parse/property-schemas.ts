/** The schemas that `properties` must fit, as validation sees them. `schema/` has the schemas themselves. */
import type { Issue } from "./issue.ts";

/** An event's properties and their place in a body. `value` and `exact` are the two forms of `ParsedJson`. */
export type PropertiesPlace = { loc: Issue["loc"]; value: unknown; exact: unknown };

/** Checks `properties` by the schema of an event's name. Null and absent properties count as `{}`. */
export interface PropertySchemas {
  /** Whether the name has a schema. */
  has(eventName: string): boolean;
  /** `keyHash` of the UTF-8 of each name with a schema: most names are told apart without making a string of them. */
  readonly nameHashes: ReadonlySet<number>;
  /**
   * Whether an event of this name may be accepted with these properties, as JSON.parse returns them. True for a name
   * without a schema. In mode `warn` it is always true, and an event that does not fit is noted.
   */
  admits(eventName: string, properties: unknown): boolean;
  /** Everything that refuses the event, in the order of the schema; empty where `admits` is true. */
  issuesOf(eventName: string, properties: PropertiesPlace): Issue[];
}
