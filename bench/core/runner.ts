/** Runs scenarios one after another. A failed one has no figures, and the others still run. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { AuditFailed } from "../system/audit.ts";
import type { Failure, ScenarioResult } from "./result.ts";
import type { Bench, Scenario } from "./scenario.ts";

/**
 * Runs each in a folder of its own within the run's, which is removed before the next starts.
 * @throws Error `bench.signal` ended it
 */
export async function runScenarios(
  scenarios: readonly Scenario[],
  bench: Bench,
): Promise<{ results: ScenarioResult[]; failures: Failure[] }> {
  const results: ScenarioResult[] = [];
  const failures: Failure[] = [];
  const startedMs = performance.now();
  for (const [place, scenario] of scenarios.entries()) {
    const passed = Math.round((performance.now() - startedMs) / 1_000);
    bench.progress(`${scenario.name} (${place + 1} of ${scenarios.length}, after ${passed} s)`);
    const folder = await mkdtemp(join(bench.folder, `${scenario.name}-`));
    try {
      results.push(await scenario.run({ ...bench, folder, progress: (line) => bench.progress(`  ${line}`) }));
      bench.signal.throwIfAborted();
    } catch (error) {
      bench.signal.throwIfAborted();
      const kind = error instanceof AuditFailed ? "audit" : "error";
      failures.push({ scenario: scenario.name, kind, reason: error instanceof Error ? error.message : String(error) });
      bench.progress(`${scenario.name} failed: ${kind === "audit" ? failures.at(-1)?.reason : Bun.inspect(error)}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { results, failures };
}
