/** What came of a statement: rows as a table or a plot, the way to a file, and how fresh it is. */
import { useEffect, useState } from "preact/hooks";
import { Freshness } from "../parts/figure.tsx";
import { bytes, count } from "../parts/numbers.ts";
import { ServiceGone, ServiceRefused } from "../service/request.ts";
import { download } from "./download.ts";
import { suggestedPlot } from "./plot-choice.ts";
import { ResultPlot } from "./result-plot.tsx";
import { ResultTable } from "./result-table.tsx";
import { brokenOff, type Run, runAsCsv } from "./run.ts";

/** The answer of the last run that succeeded; `isOld` while the next one is on its way. */
export function Outcome({ run, isOld }: { run: Run | undefined; isOld: boolean }) {
  const [form, setForm] = useState<"table" | "plot">("table");
  // A question about time is answered by a picture first.
  useEffect(() => {
    if (run !== undefined) setForm(suggestedPlot(run) === undefined ? "table" : "plot");
  }, [run]);
  if (run === undefined) return null;
  return (
    <section class="figure wide outcome" aria-label="Answer" aria-busy={isOld}>
      <header>
        <h2>{rowsText(run)}</h2>
        <fieldset class="switch">
          <legend class="unseen">How the rows are shown</legend>
          <button type="button" aria-pressed={form === "table"} onClick={() => setForm("table")}>
            Table
          </button>
          <button type="button" aria-pressed={form === "plot"} onClick={() => setForm("plot")}>
            Plot
          </button>
        </fieldset>
        <CsvButton sql={run.sql} />
      </header>
      {run.end === "broken" && <p class="bad">{brokenOff}</p>}
      <div class={isOld ? "content old" : "content"}>
        {form === "table" ? <ResultTable answer={run} /> : <ResultPlot answer={run} />}
      </div>
      <Freshness asked={{ answer: run, error: undefined, isAsking: false }} />
    </section>
  );
}

function rowsText({ rows, end }: Run): string {
  const rowsCounted = `${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}`;
  return end === "whole" ? rowsCounted : `First ${rowsCounted}, there are more`;
}

/** Asks for all rows as CSV. The service writes them; the page keeps the bytes until they are all there. */
function CsvButton({ sql }: { sql: string }) {
  const [said, setSaid] = useState("");
  const [asking, setAsking] = useState<AbortController | undefined>(undefined);
  useEffect(() => () => asking?.abort(), [asking]);
  const ask = async () => {
    const own = new AbortController();
    setAsking(own);
    setSaid("Asking…");
    try {
      const file = await runAsCsv(sql, own.signal, (got) => setSaid(bytes(got)));
      download("millrace.csv", file);
      setSaid(`${bytes(file.size)} saved`);
    } catch (error) {
      if (own.signal.aborted) setSaid("");
      else if (error instanceof ServiceGone || error instanceof ServiceRefused) setSaid(error.message);
      else throw error;
    } finally {
      setAsking(undefined);
    }
  };
  return (
    <div class="csv">
      <span class="quiet" aria-live="polite">
        {said}
      </span>
      <button
        type="button"
        onClick={() => (asking === undefined ? ask().catch((error: unknown) => reportError(error)) : asking.abort())}
      >
        {asking === undefined ? "CSV" : "Cancel"}
      </button>
    </div>
  );
}
