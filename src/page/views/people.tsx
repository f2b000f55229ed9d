/** People: who was there, and what one of them did. */
import { useEffect, useState } from "preact/hooks";
import { Figure } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { visible } from "../parts/numbers.ts";
import { PersonTimeline } from "../parts/person-timeline.tsx";
import { Table } from "../parts/table.tsx";
import { eventsOfPerson, people } from "../questions.ts";
import { stats } from "../service/pulse.ts";
import { useAnswer } from "../service/use-answer.ts";
import { useCell } from "../state/cell.ts";
import { span } from "../state/range.ts";
import { linkTo, route } from "../state/route.ts";

/** While somebody types, the list is asked for once they pause. ms */
const typingMs = 400;

/** The list, or one person where the address names one. */
export function PeopleView() {
  const person = useCell(route).parameters.get("person");
  if (useCell(stats)?.totalEvents === 0) return <FirstEvent />;
  return person === null ? <List /> : <Person person={person} />;
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
        {({ columns, rows }) => (
          <Table
            caption="People, the last one first"
            columns={columns}
            rows={rows}
            draw={(name, value) =>
              name === "person" ? (
                <a href={linkTo("people", { person: String(value) })}>{visible(String(value))}</a>
              ) : undefined
            }
          />
        )}
      </Figure>
    </>
  );
}

function Person({ person }: { person: string }) {
  const sql = eventsOfPerson(person);
  return (
    <>
      <p>
        <a href={linkTo("people")}>All people</a>
      </p>
      <Figure title={visible(person)} sql={sql} asked={useAnswer(sql)} empty="Nobody has this id.">
        {(answer) => <PersonTimeline answer={answer} />}
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
