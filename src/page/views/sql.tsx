/** SQL: a statement, and its rows. */
import { useEffect, useState } from "preact/hooks";
import { Failure, Freshness } from "../parts/figure.tsx";
import { Table } from "../parts/table.tsx";
import { useAnswer } from "../service/use-answer.ts";
import { useCell } from "../state/cell.ts";
import { route } from "../state/route.ts";

/** A statement of one's own, or the one that a figure opened. */
export function SqlView() {
  const given = useCell(route).parameters.get("q") ?? "SELECT event_name, count(*) AS events FROM events GROUP BY ALL";
  const [text, setText] = useState(given);
  const [sql, setSql] = useState(given);
  useEffect(() => {
    setText(given);
    setSql(given);
  }, [given]);
  const asked = useAnswer(sql);
  return (
    <form
      class="figure"
      onSubmit={(event) => {
        event.preventDefault();
        setSql(text);
      }}
    >
      <label class="unseen" for="statement">
        Statement
      </label>
      <textarea
        id="statement"
        rows={8}
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="main">
        Run
      </button>
      <Failure error={asked.error} />
      {asked.answer !== undefined && (
        <Table caption="Rows of the statement" columns={asked.answer.columns} rows={asked.answer.rows} />
      )}
      <Freshness asked={asked} />
    </form>
  );
}
