/** SQL: a statement, its rows as a table, a plot or a file, and what can be asked. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Editor, type Mark } from "../editor/editor.tsx";
import { remembered } from "../editor/kept-queries.ts";
import { Library } from "../editor/library.tsx";
import { Outcome } from "../editor/outcome.tsx";
import { type Run, run } from "../editor/run.ts";
import { placeOfError } from "../editor/tokens.ts";
import { useSources } from "../editor/use-sources.ts";
import { Waiting } from "../parts/waiting.tsx";
import { ServiceGone, ServiceRefused } from "../service/request.ts";
import { Cell, useCell } from "../state/cell.ts";
import { linkToSql, route, takeOpened } from "../state/route.ts";

/** The statement that is being written. It stays while other views are seen. */
const draft = new Cell("SELECT event_name, count(*) AS events\nFROM events\nGROUP BY event_name\nORDER BY events DESC");

/** What came of the last run. */
type State =
  | { kind: "idle" }
  | { kind: "running"; before: Run | undefined }
  | { kind: "done"; run: Run }
  | { kind: "failed"; message: string; mark: Mark | undefined };

/** The view. A statement that a figure opened is run at once; an address may come from anybody, and waits for Run. */
export function SqlView() {
  const text = useCell(draft);
  const given = useCell(route).parameters.get("q");
  const sources = useSources();
  const [state, setState] = useState<State>({ kind: "idle" });
  const running = useRef<AbortController | undefined>(undefined);
  const start = async (sql: string) => {
    running.current?.abort();
    const own = new AbortController();
    running.current = own;
    setState((before) => ({ kind: "running", before: runOf(before) }));
    // In the place of the address before: going back leads out of the view, not through each change of the text.
    history.replaceState(null, "", linkToSql(sql));
    const next = await outcomeOf(sql, own.signal);
    if (running.current !== own) return;
    running.current = undefined;
    setState(next);
    if (next.kind === "done") remembered(sql);
  };
  useEffect(() => {
    if (given === null) return;
    draft.value = given;
    if (takeOpened(given)) {
      start(given).catch((error: unknown) => reportError(error));
      return;
    }
    running.current?.abort();
    running.current = undefined;
    setState({ kind: "idle" });
  }, [given]);
  useEffect(() => () => running.current?.abort(), []);
  const use = (sql: string) => {
    draft.value = sql;
    setState((before) => (before.kind === "failed" ? { kind: "idle" } : before));
  };
  const onRun = () => start(draft.value).catch((error: unknown) => reportError(error));
  const isRunning = state.kind === "running";
  return (
    <div class="ask">
      <section class="figure statement" aria-label="Statement">
        <Editor
          text={text}
          mark={state.kind === "failed" ? state.mark : undefined}
          sources={sources}
          onText={use}
          onRun={onRun}
        />
        <div class="tools">
          <button type="button" class="main" onClick={onRun} disabled={isRunning || text.trim() === ""}>
            Run
          </button>
          <button
            type="button"
            disabled={!isRunning}
            onClick={() => {
              running.current?.abort();
              running.current = undefined;
              setState({ kind: "idle" });
            }}
          >
            Cancel
          </button>
          <p id="sql-keys" class="quiet keys">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs · <kbd>Ctrl</kbd> <kbd>Space</kbd> completes
          </p>
        </div>
        <div aria-live="polite">
          {isRunning && <Waiting what="Running…" />}
          {state.kind === "failed" && <Fault {...state} text={text} />}
        </div>
      </section>
      <Library text={text} sources={sources} onUse={use} />
      <Outcome run={runOf(state)} isOld={isRunning} />
    </div>
  );
}

const runOf = (state: State): Run | undefined =>
  state.kind === "done" ? state.run : state.kind === "running" ? state.before : undefined;

async function outcomeOf(sql: string, signal: AbortSignal): Promise<State> {
  try {
    return { kind: "done", run: await run(sql, signal) };
  } catch (error) {
    if (signal.aborted) return { kind: "idle" };
    if (error instanceof ServiceGone) return { kind: "failed", message: notAnswered, mark: undefined };
    if (!(error instanceof ServiceRefused)) throw error;
    const mark = error.position === undefined ? undefined : placeOfError(sql, error.position);
    return { kind: "failed", message: error.message, mark };
  }
}

/** Still true once the service is back. */
const notAnswered = "The service did not answer. Run the statement again once it is back.";

/** What the service says of the statement, with the line where it is wrong. */
function Fault({ message, mark, text }: { message: string; mark: Mark | undefined; text: string }) {
  const line = mark === undefined ? undefined : text.slice(0, mark.start).split("\n").length;
  return (
    <div class="fault-text">
      {line !== undefined && <strong>Line {line}: </strong>}
      {message}
    </div>
  );
}
