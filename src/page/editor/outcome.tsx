/** What came of a statement: rows as a table or a plot, the way to a file, and how fresh it is. */
import { useEffect, useState } from "preact/hooks";
import { Freshness } from "../parts/figure.tsx";
import { bytes, count } from "../parts/numbers.ts";
import { ServiceGone, ServiceRefused } from "../service/request.ts";
import { download } from "./download.ts";
import { suggestedPlot } from "./plot-choice.ts";
import { ResultPlot } from "./result-plot.tsx";
import { ResultRecord } from "./result-record.tsx";
import { ResultTable } from "./result-table.tsx";
import { brokenOff, type Run, runAsCsv } from "./run.ts";

const forms = ["table", "record", "plot"] as const;
type Form = (typeof forms)[number];
const formNames = { table: "Table", record: "Record", plot: "Plot" };

/** The answer of the last run that succeeded; `isOld` while the next one is on its way. */
export function Outcome({ run, isOld }: { run: Run | undefined; isOld: boolean }) {
  const [form, setForm] = useState<Form>("table");
  const [at, setAt] = useState(0);
  useEffect(() => {
    if (run === undefined) return;
    setForm(firstForm(run));
    setAt(0);
  }, [run]);
  if (run === undefined) return null;
  return (
    <section class="figure wide outcome" aria-label="Answer" aria-busy={isOld}>
      <header>
        <h2>{rowsText(run)}</h2>
        <fieldset class="switch">
          <legend class="unseen">How the rows are shown</legend>
          {forms.map((one) => (
            <button key={one} type="button" aria-pressed={form === one} onClick={() => setForm(one)}>
              {formNames[one]}
            </button>
          ))}
        </fieldset>
        <CsvButton sql={run.sql} />
      </header>
      {run.end === "broken" && <p class="bad">{brokenOff}</p>}
      <div class={isOld ? "content old" : "content"}>
        {form === "table" && (
          <ResultTable
            answer={run}
            onRow={(row) => {
              setAt(row);
              setForm("record");
            }}
          />
        )}
        {form === "record" && <ResultRecord answer={run} at={at} onAt={setAt} />}
        {form === "plot" && <ResultPlot answer={run} />}
      </div>
      <Freshness asked={{ answer: run, error: undefined, isAsking: false }} />
    </section>
  );
}

/** A question about time is answered by a picture first, and a value of several lines, such as a plan, in full. */
function firstForm(run: Run): Form {
  if (suggestedPlot(run) !== undefined) return "plot";
  return run.rows.length === 1 && run.rows[0]?.some((cell) => cell.includes("\\n")) ? "record" : "table";
}

function rowsText({ rows, end }: Run): string {
  const rowsCounted = `${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}`;
  if (end === "whole") return rowsCounted;
  return end === "cut" ? `First ${rowsCounted}, there are more` : `First ${rowsCounted}`;
}

/** Asks for all rows as CSV. The service writes them; the page keeps the bytes until they are all there. */
function CsvButton({ sql }: { sql: string }) {
  const [said, setSaid] = useState("");
  const [hasFailed, setHasFailed] = useState(false);
  const [asking, setAsking] = useState<AbortController | undefined>(undefined);
  useEffect(() => () => asking?.abort(), [asking]);
  const ask = async () => {
    const own = new AbortController();
    setAsking(own);
    setHasFailed(false);
    setSaid("Asking…");
    try {
      const file = await runAsCsv(sql, own.signal, (got) => setSaid(bytes(got)));
      download("millrace.csv", file);
      setSaid(`${bytes(file.size)} saved`);
    } catch (error) {
      if (own.signal.aborted) setSaid("");
      else if (error instanceof ServiceGone || error instanceof ServiceRefused) {
        setSaid(error.message);
        setHasFailed(true);
      } else throw error;
    } finally {
      setAsking(undefined);
    }
  };
  return (
    <div class="csv">
      <span class={hasFailed ? "bad" : "quiet"} aria-live="polite">
        {said}
      </span>
      <button
        type="button"
        title="All rows, each value as it was sent: a spreadsheet may take one that begins with = as a formula"
        onClick={() => (asking === undefined ? ask().catch((error: unknown) => reportError(error)) : asking.abort())}
      >
        {asking === undefined ? "CSV" : "Cancel"}
      </button>
    </div>
  );
}
