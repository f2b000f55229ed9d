/** Live: events as they are accepted, the newest first. */
import { useEffect, useState } from "preact/hooks";
import { Refused } from "../parts/figure.tsx";
import { FirstEvent } from "../parts/first-event.tsx";
import { count } from "../parts/numbers.ts";
import { TailRow } from "../parts/tail-row.tsx";
import { stats } from "../service/pulse.ts";
import type { ServiceRefused } from "../service/request.ts";
import { follow, type TailEvent, type TailFilters, tailFilters } from "../service/tail.ts";
import { useCell } from "../state/cell.ts";

/** The newest events that are kept. Older ones are in the table. */
const shownMax = 200;

/** Events that came in a burst are drawn together. ms */
const drawMs = 250;

type Seen = { id: string; event: TailEvent };

/** The tail with its filters. */
export function LiveView() {
  const [filters, setFilters] = useState<TailFilters>({});
  const [isPaused, setIsPaused] = useState(false);
  const { events, total, missed, state, refusal } = useTail(filters, isPaused);
  const all = useCell(stats)?.totalEvents;
  return (
    <>
      <Filters onChange={setFilters}>
        <button type="button" onClick={() => setIsPaused(!isPaused)} aria-pressed={isPaused}>
          {isPaused ? "Go on" : "Pause"}
        </button>
      </Filters>
      <section class="figure" aria-label="Events as they arrive">
        <p class="tail-state" aria-live="polite">
          <span class={`dot ${state === "following" ? "ok" : ""}`} aria-hidden="true" /> {isPaused ? "paused" : state}
          <span class="quiet">
            {" "}
            · {count(total)} {total === 1 ? "event" : "events"} since this view opened
            {missed > 0 && ` · ${count(missed)} left out, since this page was too slow`}
          </span>
        </p>
        {refusal !== undefined && <Refused error={refusal} />}
        {events.length === 0 && all !== 0 && refusal === undefined && (
          <p class="quiet empty">The next event shows here.</p>
        )}
        <ol class="tail" reversed>
          {events.map(({ id, event }) => (
            <TailRow key={id} event={event} />
          ))}
        </ol>
      </section>
      {all === 0 && <FirstEvent />}
    </>
  );
}

function useTail(filters: TailFilters, isPaused: boolean) {
  const [events, setEvents] = useState<readonly Seen[]>([]);
  const [total, setTotal] = useState(0);
  const [missed, setMissed] = useState(0);
  const [state, setState] = useState("connecting");
  const [refusal, setRefusal] = useState<ServiceRefused | undefined>(undefined);
  useEffect(() => {
    setEvents([]);
    setTotal(0);
  }, [filters]);
  useEffect(() => {
    if (isPaused) return;
    setRefusal(undefined);
    const open = new AbortController();
    let waiting: Seen[] = [];
    let came = 0;
    const draw = setInterval(() => {
      const news = waiting;
      const more = came;
      if (more === 0) return;
      waiting = [];
      came = 0;
      setTotal((before) => before + more);
      setEvents((before) => [...news.reverse(), ...before].slice(0, shownMax));
    }, drawMs);
    follow(filters, open.signal, (news) => {
      if (news.kind === "event") {
        came++;
        waiting.push(news);
        // A browser draws a hidden tab once a minute: what would not be shown is not kept until then.
        if (waiting.length > 2 * shownMax) waiting = waiting.slice(-shownMax);
      } else if (news.kind === "gap") setMissed((before) => before + (news.missed ?? 0));
      else if (news.kind === "refused") {
        setRefusal(news.error);
        setState("refused");
      } else setState(news.kind === "open" ? "following" : `${news.reason}; trying again`);
    }).catch((error: unknown) => {
      if (!open.signal.aborted) reportError(error);
    });
    return () => {
      clearInterval(draw);
      open.abort();
    };
  }, [filters, isPaused]);
  return { events, total, missed, state, refusal };
}

function Filters(props: { onChange: (filters: TailFilters) => void; children: preact.ComponentChildren }) {
  const categories = [...(useCell(stats)?.byCategory.keys() ?? [])];
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const values = new FormData(event.currentTarget);
        props.onChange(Object.fromEntries(tailFilters.map((name) => [name, String(values.get(name) ?? "").trim()])));
      }}
    >
      {tailFilters.map((name) => (
        <div key={name}>
          <label for={`filter-${name}`}>{name}</label>
          {name === "category" ? (
            <select id={`filter-${name}`} name={name}>
              <option value="">any</option>
              {categories.map((category) => (
                <option key={category}>{category}</option>
              ))}
            </select>
          ) : (
            <input id={`filter-${name}`} name={name} autocomplete="off" spellcheck={false} />
          )}
        </div>
      ))}
      <button type="submit">Filter</button>
      {props.children}
    </form>
  );
}
