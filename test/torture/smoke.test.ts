/** A short torture: each scenario with fixed seeds, and proof that it detects what it looks for. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testMsMax } from "../support/service.ts";
import { removeReleased } from "./leftovers.ts";
import { Places } from "./places.ts";
import { runScenario } from "./runner.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/all.ts";
import { corruptBytesWith, corruptWith } from "./scenarios/corrupt.ts";
import { hostileHttpWith } from "./scenarios/hostile-http.ts";
import { killWith } from "./scenarios/kill.ts";
import { powerWith } from "./scenarios/power.ts";

/** A round takes several times as long on a busy machine. */
setDefaultTimeout(3 * testMsMax);

/** The same faults at each run. */
const seed = 20_261_126;

const folder = mkdtempSync(join(tmpdir(), "millrace-torture-smoke-"));
afterAll(() => removeReleased(folder));

/** Rounds that must break a promise keep their folders beside this one. */
const expected = join(folder, "expected");
mkdirSync(expected);

/** Scenarios with long rounds, shortened. */
const brief = new Map(
  [
    killWith({ kills: 1 }),
    powerWith({ cuts: 1 }),
    corruptWith({ verified: 10, served: 1 }),
    corruptBytesWith({ ofSmall: 61, ofLarge: 19_997 }),
    hostileHttpWith({ requests: 100 }),
  ].map((scenario) => [scenario.name, scenario]),
);

/** Most of a round is waiting: this many run at the same time. */
const jobs = 3;

/** Runs rounds, the first with the given seed, and returns the tally and what was printed. */
async function rounds(scenario: Scenario, count: number, how: { first?: number; folder?: string } = {}) {
  const lines: string[] = [];
  const tally = await runScenario(scenario, {
    seed: how.first ?? seed,
    rounds: count,
    endMs: undefined,
    folder: how.folder ?? folder,
    print: (line) => void lines.push(line),
  });
  return { tally, told: lines.join("\n") };
}

/** This many rounds may prove nothing, because the fault came before the first answer. */
const emptyRoundsMax = 5;

/** Runs rounds of a scenario until one proves something: on a busy machine the fault may come too early for that. */
async function judged(scenario: Scenario) {
  for (let round = 0; ; round++) {
    const found = await rounds(scenario, 1, { first: seed + round });
    if (found.tally.acknowledged > 0 || found.tally.failed > 0 || round === emptyRoundsMax) return found;
  }
}

/**
 * Whether a service that acknowledges before it syncs loses events: whether a single cut shows it depends on the
 * machine.
 */
async function isCaught(): Promise<boolean> {
  for (let cut = 0; cut < 8; cut++) {
    const scenario = powerWith({ cuts: 1, env: { MILLRACE_ACK: "buffered" } });
    const { tally } = await rounds(scenario, 1, { first: seed + cut, folder: expected });
    if (tally.lost > 0) return true;
  }
  return false;
}

const places = new Places(jobs);
const caught = places.run(isCaught);
const all = scenarios.map(({ name }) => name);
const found = new Map(
  scenarios.map((scenario) => [scenario.name, places.run(() => judged(brief.get(scenario.name) ?? scenario))]),
);

test.each(all)("%s: every promise holds", async (name) => {
  const { tally, told } = (await found.get(name)) ?? { tally: undefined, told: "not run" };
  expect({ ...tally, told }).toMatchObject({ failed: 0, skipped: undefined, told: "" });
  expect(tally?.acknowledged).toBeGreaterThan(0);
});

test("a service that acknowledges before it syncs is caught by a power cut", async () => {
  expect(await caught).toBe(true);
});
