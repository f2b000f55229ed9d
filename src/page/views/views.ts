/** Every view, in the order of the navigation. A new view is a row here and a file beside this one. */
import type { ComponentType } from "preact";
import { FunnelView } from "./funnel.tsx";
import { HealthView } from "./health.tsx";
import { LiveView } from "./live.tsx";
import { OverviewView } from "./overview.tsx";
import { PeopleView } from "./people.tsx";
import { RetentionView } from "./retention.tsx";
import { SqlView } from "./sql.tsx";

/** A view: its name in the address, its title, and what draws it. Only the one that is seen is drawn, and asks. */
type View = {
  name: string;
  title: string;
  component: ComponentType;
  /** Whether the time range of the page concerns it. */
  hasRange: boolean;
};

/** The views; the first is seen without a name in the address. */
export const views: readonly View[] = [
  { name: "overview", title: "Overview", component: OverviewView, hasRange: true },
  { name: "live", title: "Live", component: LiveView, hasRange: false },
  { name: "people", title: "People", component: PeopleView, hasRange: true },
  { name: "funnel", title: "Funnel", component: FunnelView, hasRange: true },
  { name: "retention", title: "Retention", component: RetentionView, hasRange: true },
  { name: "sql", title: "SQL", component: SqlView, hasRange: false },
  { name: "health", title: "Health", component: HealthView, hasRange: false },
];
