/** A question that a view keeps asking while it is seen. */
import { useEffect, useState } from "preact/hooks";
import { type Answer, ask } from "./ask.ts";
import { stats } from "./pulse.ts";
import { goneSinceMs, ServiceGone } from "./request.ts";
import { pause, untilSeen } from "./wait.ts";

/** What is known of a question. The last answer stays while the next one is on its way or fails. */
export type Asked = {
  answer: Answer | undefined;
  /** Why the last try failed; undefined if it did not. */
  error: Error | undefined;
  isAsking: boolean;
};

/** A question is asked again after this time at the earliest. ms */
const againMsMin = 15_000;

/** It waits this many times as long as all that is seen took: the page asks for a twentieth of the time. */
const againTimesTook = 20;

/** How long the last answer of each question took that is seen. ms */
const lastTookMs = new Map<AbortSignal, number>();

/** Without new events the answer is the same; it is asked again all the same after this time. ms */
const againMsMax = 300_000;

/** After a refusal that asking again at once would not change. ms */
const refusedMs = 60_000;

/** Between two looks at a service that is gone. ms */
const goneMs = 1_000;

/** Asks at once and again while the component is there and the tab is seen; `sql` undefined asks nothing. */
export function useAnswer(sql: string | undefined): Asked {
  const [asked, setAsked] = useState<Asked & { sql?: string | undefined }>(nothing);
  useEffect(() => {
    if (sql === undefined) return setAsked(nothing);
    const seen = new AbortController();
    setAsked((before) => ({ ...before, isAsking: true }));
    keepAsking(sql, seen.signal, (change) => setAsked((before) => ({ ...before, ...change, sql }))).catch(
      (error: unknown) => {
        if (!seen.signal.aborted) throw error;
      },
    );
    return () => {
      seen.abort();
      lastTookMs.delete(seen.signal);
    };
  }, [sql]);
  return asked;
}

const nothing: Asked = { answer: undefined, error: undefined, isAsking: false };

async function keepAsking(sql: string, signal: AbortSignal, tell: (change: Partial<Asked>) => void): Promise<void> {
  while (!signal.aborted) {
    await untilSeen(signal);
    const total = stats.value?.totalEvents;
    try {
      const answer = await ask(sql, signal);
      tell({ answer, error: undefined, isAsking: false });
      lastTookMs.set(signal, answer.tookMs);
      await untilWorthAsking(total, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Error)) throw error;
      tell({ error, isAsking: false });
      await (error instanceof ServiceGone ? untilBack(signal) : pause(refusedMs, signal));
    }
  }
}

/** Waits for the pace, and then for new events. */
async function untilWorthAsking(total: number | undefined, signal: AbortSignal): Promise<void> {
  const sinceMs = Date.now();
  const allTookMs = () => [...lastTookMs.values()].reduce((sum, tookMs) => sum + tookMs, 0);
  do await pause(againMsMin, signal);
  while (!signal.aborted && Date.now() - sinceMs < againTimesTook * allTookMs());
  while (!signal.aborted && stats.value?.totalEvents === total && Date.now() - sinceMs < againMsMax)
    await pause(goneMs, signal);
}

async function untilBack(signal: AbortSignal): Promise<void> {
  do await pause(goneMs, signal);
  while (goneSinceMs.value !== undefined && !signal.aborted);
}
