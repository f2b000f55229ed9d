/** How fresh a figure is that needs no question: the service counts it by itself. */
import { goneSinceMs } from "../service/request.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { time } from "./numbers.ts";

/** When it was right, ms since 1970, and which path of the service says it. */
export function AsOf({ atMs, path }: { atMs: number; path: string }) {
  const shownZone = useCell(zone);
  const goneMs = useCell(goneSinceMs);
  return (
    <p class="freshness">
      {goneMs !== undefined && <strong>old · </strong>}
      as of <time dateTime={new Date(atMs).toISOString()}>{time(atMs, shownZone, "second")}</time>
      <span class="quiet"> · GET {path}</span>
    </p>
  );
}
