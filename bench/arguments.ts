/** What may be asked for on the command line. */
import { Argument, Command, InvalidArgumentError } from "@commander-js/extra-typings";
import type { Scenario } from "./core/scenario.ts";
import { batch1, batch10, batch100 } from "./scenarios/batch.ts";
import { gzip } from "./scenarios/gzip.ts";
import { retries } from "./scenarios/retries.ts";
import { connections100, connections2000, single64, single256 } from "./scenarios/single.ts";
import type { SqlPlan } from "./sql/run.ts";

const scenarios = [
  ...[single64, single256, connections100, connections2000],
  ...[batch1, batch10, batch100, gzip, retries],
];

/** What was asked for, with everything decided. */
export interface Plan {
  /** What to measure. */
  readonly scenarios: readonly Scenario[];
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  readonly isQuick: boolean;
  /** Load that is not measured, before the load that is. */
  readonly warmUpSeconds: number;
  /** Who makes the ids of the events. */
  readonly ids: "server" | "client";
  readonly seed: number;
  /** The catalog against a plain table, where that was asked for. */
  readonly sql: SqlPlan | undefined;
  /** Where the JSON goes. */
  readonly jsonPath: string | undefined;
}

/**
 * Reads the arguments after the program's own name. Ends the process for `--help` and for what it does not understand.
 */
export function readPlan(given: readonly string[]): Plan {
  const command = new Command("bench")
    .description("Compares the service, everything durable, with a bare Bun.serve that parses JSON and answers it.")
    .addArgument(
      new Argument("[scenarios...]", "what to measure").choices([...scenarios.map(({ name }) => name), "sql"]),
    )
    .option("--events <n>", "events of the scenario sql", wholeFrom1, 10_000_000)
    .option("--quick", "a look of half a minute: one round, a few seconds each")
    .option("--seconds <n>", "seconds of each measurement", wholeFrom1)
    .option("--rounds <n>", "how often each side is measured", wholeFrom1)
    .option("--ids", "clients make the event ids, a fresh one for each event")
    .option("--seed <n>", "what the events are made from", wholeFrom1, 1)
    .option("--json <file>", "also write everything that was measured");
  command.parse(given, { from: "user" });
  const options = command.opts();
  const names = new Set<string>(command.processedArgs[0]);
  return {
    scenarios: scenarios.filter(({ name }) => names.size === 0 || names.has(name)),
    rounds: options.rounds,
    seconds: options.seconds,
    isQuick: options.quick === true,
    warmUpSeconds: options.quick ? 1 : 2,
    sql: names.has("sql")
      ? { events: options.events, rounds: options.rounds ?? (options.quick ? 3 : 7), seed: options.seed }
      : undefined,
    ids: options.ids ? "client" : "server",
    seed: options.seed,
    jsonPath: options.json,
  };
}

function wholeFrom1(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return value;
}
