/** The macros of the catalog: questions that analysts ask often, over the view `events` alone. */
import type { CatalogItem } from "../item.ts";
import { breakdown } from "./breakdown.ts";
import { funnel } from "./funnel.ts";
import { paths } from "./paths.ts";
import { personEvents } from "./person-events.ts";
import { properties } from "./properties.ts";
import { retention } from "./retention.ts";
import { sessions } from "./sessions.ts";
import { timeline } from "./timeline.ts";
import { top } from "./top.ts";

/** All macros, in the order in which they are created; each needs the view `events` in the same database. */
export const catalogMacros: readonly CatalogItem[] = [
  top,
  timeline,
  sessions,
  paths,
  breakdown,
  properties,
  personEvents,
  funnel,
  retention,
];
