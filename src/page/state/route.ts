/** Which view is seen, as the address says after `#`. */
import { Cell } from "./cell.ts";

/** A view's name, and what follows its `?`. */
type Route = { view: string; parameters: URLSearchParams };

/** The view that is seen without one in the address. */
const firstView = "overview";

/** Reads `#/view?name=value`. */
function routeOf(hash: string): Route {
  const [, view = firstView, text = ""] = /^#\/([a-z]+)(?:\?(.*))?$/s.exec(hash) ?? [];
  return { view, parameters: new URLSearchParams(text) };
}

/** The route of the address. */
export const route: Cell<Route> = new Cell(routeOf(location.hash));

addEventListener("hashchange", () => {
  route.value = routeOf(location.hash);
});

/** The address of a view. It begins with `#`, so it is never sent to a server. */
export function linkTo(view: string, parameters: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(parameters).toString();
  return `#/${view}${text === "" ? "" : `?${text}`}`;
}

/** The address of the SQL view with this statement in its editor. */
export const linkToSql = (sql: string): string => linkTo("sql", { q: sql });

let opened: string | undefined;

/** Notes that somebody opened one of the page's own statements in the SQL view. */
export function noteOpened(sql: string): void {
  opened = sql;
}

/** Whether a statement is the one that was opened last, once: any other address may come from anybody. */
export function takeOpened(sql: string): boolean {
  const isOpened = opened === sql;
  opened = undefined;
  return isOpened;
}
