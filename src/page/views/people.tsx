/** People: who was there. */
import { useEffect, useState } from "preact/hooks";
import { Figure } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { Table } from "../parts/table.tsx";
import { people } from "../questions.ts";
import { stats } from "../service/pulse.ts";
import { useAnswer } from "../service/use-answer.ts";
import { useCell } from "../state/cell.ts";
import { span } from "../state/range.ts";

/** While somebody types, the list is asked for once they pause. ms */
const typingMs = 400;

/** The list of people. */
export function PeopleView() {
  if (useCell(stats)?.totalEvents === 0) return <FirstEvent />;
  return <List />;
}

function List() {
  const [text, setText] = useState("");
  const search = useSettled(text.trim());
  const sql = people(useCell(span), search);
  return (
    <>
      <label class="search">
        <span class="unseen">Part of the person's id</span>
        <input
          type="search"
          placeholder="Part of an id"
          value={text}
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <Figure
        title="People"
        sql={sql}
        asked={useAnswer(sql)}
        empty="Nobody in this time range. Events name people by user_id, anonymous_id or client_id."
      >
        {({ columns, rows }) => <Table caption="People, the last one first" columns={columns} rows={rows} />}
      </Figure>
    </>
  );
}

/** A value once it has not changed for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), typingMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
