/** The macros of the catalog: questions that analysts ask often, over the view `events` alone. */
import type { CatalogItem } from "../item.ts";
import { funnel } from "./funnel.ts";
import { retention } from "./retention.ts";
import { timeline } from "./timeline.ts";
import { top } from "./top.ts";

/** All macros, in the order in which they are created; each needs the view `events` in the same database. */
export const catalogMacros: readonly CatalogItem[] = [top, timeline, funnel, retention];
