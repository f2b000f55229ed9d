/** The catalog for completion and examples: asked once, and remembered for the tab. */
import { useEffect } from "preact/hooks";
import { ask } from "../service/ask.ts";
import { ServiceGone, ServiceRefused } from "../service/request.ts";
import { token } from "../service/token.ts";
import { Cell, useCell } from "../state/cell.ts";
import { catalogSql, type Source, sourcesOf } from "./catalog.ts";

const sources = new Cell<readonly Source[]>([]);

// Another token may be that of another service.
token.listen(() => {
  sources.value = [];
});

/** The catalog; empty until it is known. Without it the view works all the same, so a failure is not shown. */
export function useSources(): readonly Source[] {
  useEffect(() => {
    if (sources.value.length > 0) return;
    const seen = new AbortController();
    ask(catalogSql, seen.signal).then(
      ({ rows }) => {
        sources.value = sourcesOf(rows.map((row) => row.map((value) => (value === null ? null : String(value)))));
      },
      (error: unknown) => {
        if (seen.signal.aborted || error instanceof ServiceGone || error instanceof ServiceRefused) return;
        throw error;
      },
    );
    return () => seen.abort();
  }, []);
  return useCell(sources);
}
