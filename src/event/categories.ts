/**
 * The values of an event's category and priority, without the schema: code that only counts or stores them need not
 * load TypeBox, which takes 15 ms of a thread's start.
 */

/** The eight categories of the reference, in its order; also the members of the SQL ENUM. */
export const categories = [
  "page_view",
  "user_action",
  "trading",
  "auth",
  "error",
  "performance",
  "feature",
  "system",
] as const;

/** The four priorities of the reference, lowest first; also the members of the SQL ENUM. */
export const priorities = ["low", "medium", "high", "critical"] as const;

/** One of `categories`. */
export type Category = (typeof categories)[number];

/** One of `priorities`. */
export type Priority = (typeof priorities)[number];

/** The category of an event that has none. */
export const categoryDefault: Category = "user_action";

/** The priority of an event that has none. */
export const priorityDefault: Priority = "medium";
