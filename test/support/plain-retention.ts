/** Retention computed one person and one period at a time, with the calendar of the JavaScript engine. */
import type { ToldEvent } from "./told.ts";

/** What is asked; times in ms. */
export type RetentionQuestion = {
  period: "day" | "week" | "month";
  start: string | null;
  return: string | null;
  tz: string;
  since: number | null;
  until: number | null;
};

const dayMs = 86_400_000;

/** Rows of the answer. REQUIRES: no event has an `anonymous_id`. */
export function plainRetention(events: readonly ToldEvent[], asked: RetentionQuestion): unknown[][] {
  const read = events.filter(({ at }) => at >= (asked.since ?? at) && (asked.until === null || at < asked.until));
  const done = read.map(({ user_id, client_id, event_name, at }) => ({
    person: user_id ?? client_id ?? null,
    name: event_name,
    period: periodOf(at, asked),
  }));
  const last =
    done
      .map(({ period }) => period)
      .sort()
      .at(-1) ?? "";
  const without = done.filter(({ person }) => person === null).length;
  const persons = [...new Set(done.flatMap(({ person }) => (person === null ? [] : [person])))].map((person) => {
    const own = done.filter((event) => event.person === person);
    const starts = own.filter(({ name }) => asked.start === null || name === asked.start);
    const returns = own.filter(({ name }) => asked.return === null || name === asked.return);
    return {
      cohort: starts.map(({ period }) => period).sort()[0],
      back: new Set(returns.map(({ period }) => period)),
    };
  });
  const cohorts = [...new Set(persons.flatMap(({ cohort }) => cohort ?? []))].sort();
  return cohorts.flatMap((cohort) => {
    const members = persons.filter((person) => person.cohort === cohort);
    const rows: unknown[][] = [];
    for (let period = cohort, later = 0; period <= last; period = next(period, asked), later++) {
      const people = later === 0 ? members.length : members.filter(({ back }) => back.has(period)).length;
      rows.push([cohort, later, people, people / members.length, without]);
    }
    return rows;
  });
}

/** First date of the period, as YYYY-MM-DD. */
function periodOf(at: number, { period, tz }: RetentionQuestion): string {
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: tz, dateStyle: "short" }).format(at);
  if (period === "month") return `${date.slice(0, 7)}-01`;
  const weekday = (new Date(date).getUTCDay() + 6) % 7;
  return period === "week" ? dateOf(Date.parse(date) - weekday * dayMs) : date;
}

function next(period: string, { period: unit }: RetentionQuestion): string {
  if (unit !== "month") return dateOf(Date.parse(period) + (unit === "week" ? 7 : 1) * dayMs);
  const inNext = dateOf(Date.parse(period) + 31 * dayMs);
  return `${inNext.slice(0, 7)}-01`;
}

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
