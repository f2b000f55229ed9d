import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScenarios } from "../../bench/core/runner.ts";
import { type Bench, scenario as declare, type Scenario } from "../../bench/core/scenario.ts";
import { AuditFailed } from "../../bench/system/audit.ts";
import { result } from "./sample-run.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-runner-"));
afterAll(() => rmSync(folder, { recursive: true }));

const told: string[] = [];
const bench = (signal: AbortSignal): Bench => ({
  folder,
  signal,
  seed: 1,
  ids: "server",
  isQuick: true,
  rounds: undefined,
  seconds: undefined,
  events: undefined,
  warmUpSeconds: 1,
  progress: (line) => told.push(line),
  nextRunTag: () => "0",
});
const scenario = (name: string, run: Scenario["run"]): Scenario => ({ name, summary: "", run });
const forever = new AbortController().signal;

test("a scenario that fails has no figures and is told, and the others go on", async () => {
  const broken = scenario("broken", () => Promise.reject(new Error("no disk")));
  const cheated = scenario("cheated", () => Promise.reject(new AuditFailed(["1 of 2 acknowledged events are lost"])));
  const good = scenario("good", async () => result({ scenario: "good" }));
  const { results, failures } = await runScenarios([broken, cheated, good], bench(forever));
  expect(results.map((found) => found.scenario)).toEqual(["good"]);
  expect(failures.map(({ scenario, kind }) => [scenario, kind])).toEqual([
    ["broken", "error"],
    ["cheated", "audit"],
  ]);
  expect(told.join("\n")).toContain("1 of 2 acknowledged events are lost");
  expect(told.join("\n")).toContain("good (3 of 3");
});

test("each has a folder of its own, which is gone before the next", async () => {
  const seen: string[] = [];
  const writes = scenario("writes", async (own) => {
    seen.push(own.folder);
    await Bun.write(join(own.folder, "data"), "x");
    expect(readdirSync(folder)).toHaveLength(1);
    return result();
  });
  await runScenarios([writes, writes], bench(forever));
  expect(new Set(seen).size).toBe(2);
  expect(seen.filter((path) => existsSync(path))).toEqual([]);
});

test("an interruption ends all, also when the scenario that met it returned", async () => {
  const interruption = new AbortController();
  const interrupts = scenario("interrupts", async () => {
    interruption.abort(new Error("interrupted"));
    return result();
  });
  const never = scenario("never", () => Promise.reject(new Error("it must not run")));
  await expect(runScenarios([interrupts, never], bench(interruption.signal))).rejects.toThrow("interrupted");
  expect(readdirSync(folder)).toEqual([]);
});

test("a scenario that cannot be measured on this machine is skipped by name, with the reason", async () => {
  const declared = (missing: () => string | undefined) =>
    declare({ name: "x", summary: "", missing, measure: async () => ({ about: "measured", figures: [] }) });
  const skipped = await declared(() => "no compiler").run(bench(forever));
  expect(skipped).toMatchObject({ figures: [], goals: [], skipped: [{ side: "x", reason: "no compiler" }] });
  expect(await declared(() => undefined).run(bench(forever))).toMatchObject({ about: "measured", skipped: [] });
});
