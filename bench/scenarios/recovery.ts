/** How long a start takes after a crash that left much in the journal. */
import { rm } from "node:fs/promises";
import { median } from "../core/method.ts";
import type { Figure, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { makeBacklog, type Recovery, recoverCopy } from "../storage/backlog.ts";

/** A million is the default buffer: no crash of a service as it is shipped leaves more. */
const sizes = { own: [100_000, 300_000, 1_000_000], quick: [100_000] };

/** For a full buffer: a client that tries again after `Retry-After` comes through at its second or third try. ms */
const readyMsMax = 3_000;

/** From SIGKILL to a healthy service, against the size of the journal. */
export const recovery: Scenario = { name: "recovery", summary: "a start after a crash, by size of the journal", run };

async function run(bench: Bench): Promise<ScenarioResult> {
  const { rounds } = extentOf(bench, { rounds: 3, seconds: 0, secondsQuick: 0 });
  const wished = bench.events === undefined ? (bench.isQuick ? sizes.quick : sizes.own) : [bench.events];
  const found: { events: number; recoveries: Recovery[] }[] = [];
  for (const size of wished) {
    bench.progress(`recovery: ${size} events are accepted and not sealed, then SIGKILL`);
    const backlog = await makeBacklog(bench, { events: size });
    const recoveries: Recovery[] = [];
    for (let round = 0; round < rounds; round += 1) {
      bench.progress(`recovery: start ${round + 1} of ${rounds} on ${size} events`);
      recoveries.push(await recoverCopy(bench, backlog));
    }
    found.push({ events: backlog.events, recoveries });
    await rm(backlog.dataDir, { recursive: true, force: true });
  }
  const line = (name: string, pick: (recovery: Recovery) => number) => ({
    name,
    points: found.map(({ events, recoveries }): [number, number] => [events, median(recoveries.map(pick))]),
  });
  const largest = Math.max(...found.map(({ events }) => events));
  return {
    scenario: recovery.name,
    about: `Batches until so many events were accepted and none sealed, then SIGKILL. Each round starts on a copy of that folder, which is in the page cache. Ready: from the start of the process to the first healthy answer.`,
    figures: found.flatMap(({ events, recoveries }) => figuresOf(events, recoveries)),
    goals: [{ side: "millrace", name: readyName(largest), bound: { atMost: readyMsMax } }],
    plots: [
      {
        kind: "against size",
        title: "A start after a crash",
        xName: "events in the journal",
        unit: "s",
        lines: [line("ready", ({ readyMs }) => readyMs / 1e3), line("all sealed", (each) => each.sealedSeconds)],
      },
    ],
    warnings: [],
    audits: found.flatMap(({ recoveries }) => recoveries.map(({ audit }) => audit)),
    skipped: [],
  };
}

const readyName = (events: number) => `ready, ${events.toLocaleString("en-US")} in the journal`;

function figuresOf(events: number, recoveries: readonly Recovery[]): Figure[] {
  const shared = { side: "millrace", better: "lower", eventsPerRequest: undefined, waitsFor: undefined } as const;
  const samples = (pick: (recovery: Recovery) => number) => recoveries.map(pick);
  const sealedName = `all sealed, ${events.toLocaleString("en-US")} in the journal`;
  return [
    { ...shared, name: readyName(events), unit: "ms", samples: samples(({ readyMs }) => readyMs) },
    { ...shared, name: sealedName, unit: "s", samples: samples(({ sealedSeconds }) => sealedSeconds) },
  ];
}
