/** The torture in small: each scenario with seeds that are fixed, and proof that it finds what it looks for. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testMsMax } from "../support/service.ts";
import { removeReleased } from "./leftovers.ts";
import { runScenario } from "./runner.ts";
import { scenarios } from "./scenarios/all.ts";
import { powerWith } from "./scenarios/power.ts";

/** A round on a machine that is busy takes several times what it takes alone. */
setDefaultTimeout(3 * testMsMax);

/** The same faults at each run. */
const seed = 20_261_126;

const folder = mkdtempSync(join(tmpdir(), "millrace-torture-smoke-"));
afterAll(() => removeReleased(folder));

/** Runs rounds, the first with the seed given, and gives the tally with what was printed. */
async function rounds(scenario: (typeof scenarios)[number], count: number, first = seed) {
  const lines: string[] = [];
  const tally = await runScenario(scenario, {
    seed: first,
    rounds: count,
    endMs: undefined,
    folder,
    print: (line) => void lines.push(line),
  });
  return { tally, told: lines.join("\n") };
}

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  "%s: every promise holds",
  async (_name, scenario) => {
    let { tally, told } = await rounds(scenario, 1);
    // On a busy machine a fault may come before the first answer, and proves nothing then.
    if (tally.acknowledged === 0 && tally.failed === 0) ({ tally, told } = await rounds(scenario, 5));
    expect({ ...tally, told }).toMatchObject({ failed: 0, skipped: undefined, told: "" });
    expect(tally.acknowledged).toBeGreaterThan(0);
  },
);

test("a service that acknowledges before it syncs is caught by a power cut", async () => {
  // Whether a single cut falls between a write and its sync is up to the machine.
  let lost = 0;
  for (let cut = 0; cut < 8 && lost === 0; cut++)
    ({ lost } = (await rounds(powerWith({ cuts: 1, env: { MILLRACE_ACK: "buffered" } }), 1, seed + cut)).tally);
  expect(lost).toBeGreaterThan(0);
});
