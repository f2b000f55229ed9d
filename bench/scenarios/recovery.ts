/** How long a start takes after a crash that left much in the journal. */
import { countText, figuresOf, goal } from "../core/figures.ts";
import { median } from "../core/method.ts";
import { scenario } from "../core/scenario.ts";
import { type Recovery, recoverInRounds } from "../storage/backlog.ts";

/** For a full buffer: a client that tries again after `Retry-After` comes through at its second or third try. ms */
const readyMsMax = 3_000;

const nameOf = (what: string, events: number) => `${what}, ${countText(events)} in the journal`;

/** From SIGKILL to a healthy service, against the size of the journal. */
export const recovery = scenario({
  name: "recovery",
  summary: "a start after a crash, by size of the journal",
  // A million is the default buffer: no crash of a service as it is shipped leaves more.
  events: { own: [100_000, 300_000, 1_000_000], quick: [100_000] },
  measure: async (run) => {
    const found: { events: number; recoveries: Recovery[] }[] = [];
    for (const events of run.sizes) found.push(await recoverInRounds(run, { events }));
    const line = (name: string, pick: (recovery: Recovery) => number) => ({
      name,
      points: found.map(({ events, recoveries }): [number, number] => [events, median(recoveries.map(pick))]),
    });
    return {
      about: `Batches until this many events were accepted and none sealed, then SIGKILL. Each round starts on a copy of that folder, which is in the page cache. Ready: from the start of the process to the first healthy answer.`,
      figures: found.flatMap(({ events, recoveries }) =>
        figuresOf({}, recoveries, [
          [nameOf("ready", events), "ms", "lower", ({ readyMs }) => readyMs],
          [nameOf("all sealed", events), "s", "lower", ({ sealedSeconds }) => sealedSeconds],
        ]),
      ),
      goals: [goal(nameOf("ready", Math.max(...found.map(({ events }) => events))), { atMost: readyMsMax })],
      plots: [
        {
          kind: "against size",
          title: "A start after a crash",
          xName: "events in the journal",
          unit: "s",
          lines: [line("ready", ({ readyMs }) => readyMs / 1e3), line("all sealed", (each) => each.sealedSeconds)],
        },
      ],
      audits: found.flatMap(({ recoveries }) => recoveries.map(({ audit }) => audit)),
    };
  },
});
