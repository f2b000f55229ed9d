/** A picture with its question: the SQL behind it, which opens in the SQL view, and how fresh it is. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../service/ask.ts";
import { goneSinceMs, ServiceGone, ServiceRefused } from "../service/request.ts";
import type { Asked } from "../service/use-answer.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { linkToSql, noteOpened } from "../state/route.ts";
import { time } from "./numbers.ts";
import { Waiting } from "./waiting.tsx";

/** What a figure is drawn from. */
type FigureProps = {
  title: string;
  /** The question as a person opens it. */
  sql: string;
  asked: Asked;
  /** Draws the answer; it is called only with one that has rows. */
  children: (answer: Answer) => ComponentChildren;
  /** Shown in place of an answer without rows. */
  empty?: ComponentChildren;
  /** Stands beside the title. */
  aside?: ComponentChildren;
  class?: string;
};

/** A titled picture of one question. */
export function Figure(props: FigureProps) {
  const { title, sql, asked, empty = "Nothing in this time range" } = props;
  const [isOpen, setIsOpen] = useState(false);
  const id = `figure-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return (
    <section class={`figure ${props.class ?? ""}`} aria-labelledby={id} aria-busy={asked.isAsking}>
      <header>
        <h2 id={id}>{title}</h2>
        {props.aside}
        <button
          type="button"
          class="text"
          aria-expanded={isOpen}
          aria-label={`SQL of ${title}`}
          onClick={() => setIsOpen(!isOpen)}
        >
          SQL
        </button>
      </header>
      {isOpen && <SqlText sql={sql} />}
      <Failure error={asked.error} />
      <div class={asked.error === undefined ? "content" : "content old"}>
        {asked.answer === undefined ? (
          asked.error === undefined && <Waiting what="Asking…" />
        ) : asked.answer.rows.length === 0 ? (
          <div class="quiet empty">{empty}</div>
        ) : (
          props.children(asked.answer)
        )}
      </div>
      <Freshness asked={asked} />
    </section>
  );
}

/** A statement to read, and the way to change it. */
function SqlText({ sql }: { sql: string }) {
  return (
    <div class="sql">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre tabIndex={0}>{sql}</pre>
      <a href={linkToSql(sql)} onClick={() => noteOpened(sql)}>
        Open in the SQL view
      </a>
    </div>
  );
}

/** Why there is no new answer, in a sentence. A service that is gone is said once, above all figures. */
function Failure({ error }: { error: Error | undefined }) {
  if (error === undefined || error instanceof ServiceGone) return null;
  return <Refused error={error} />;
}

/** What the service refused, and what to do about it. */
export function Refused({ error }: { error: Error }) {
  const isScope = error instanceof ServiceRefused && error.status === 403;
  return (
    <p class="bad" role="alert">
      {error.message}
      {isScope && ". Forget this token, and paste one that has it."}
    </p>
  );
}

/** When the answer was right, and how long it took. */
export function Freshness({ asked: { answer, error } }: { asked: Asked }) {
  const shownZone = useCell(zone);
  const goneMs = useCell(goneSinceMs);
  if (answer === undefined) return null;
  const isOld = goneMs !== undefined || error !== undefined;
  return (
    <p class="freshness">
      {isOld && <strong>old · </strong>}
      as of <time dateTime={new Date(answer.asOfMs).toISOString()}>{time(answer.asOfMs, shownZone, "second")}</time>
      <span class="quiet"> · {Math.max(1, Math.round(answer.tookMs))} ms</span>
    </p>
  );
}
