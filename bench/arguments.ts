/** Parses the command line. */
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import type { Scenario } from "./core/scenario.ts";

/** What can be measured. */
export type Registry = { byDefault: readonly Scenario[]; onRequest: readonly Scenario[] };

/** The parsed arguments. */
export type Plan = {
  scenarios: Scenario[];
  isQuick: boolean;
  /** Replaces each scenario's own number. */
  rounds: number | undefined;
  seconds: number | undefined;
  events: number | undefined;
  ids: "server" | "client";
  seed: number;
  /** Where the run is written. */
  jsonPath: string | undefined;
  /** Where the page goes; beside the JSON if only that was requested. */
  htmlPath: string | undefined;
  /** Where each plot goes as a file. */
  svgFolder: string | undefined;
  /** An earlier run to compare with. */
  comparePath: string | undefined;
};

/** Reads the arguments after the program's own name. Ends the process for `--help` and for unknown arguments. */
export function readPlan(given: readonly string[], registry: Registry): Plan {
  const known = [...registry.byDefault, ...registry.onRequest];
  const command = new Command("bench")
    .description("Measures the service, everything durable, beside bare servers and others of its kind.")
    .argument("[scenario...]", "what to measure; without a name, all that do not run on request only")
    .option("--quick", "a short look: one round, few seconds, small sizes")
    .option("--json <file>", "keep the run, and write its page beside it")
    .option("--html <file>", "write the run as a page of its own")
    .option("--svg <folder>", "write each plot as a file")
    .option("--compare <file>", "compare with a run that was kept")
    .option("--rounds <n>", "how often each side is measured", wholeFrom1)
    .option("--seconds <n>", "seconds of each measurement", wholeFrom1)
    .option("--seed <n>", "what the events are made from", wholeFrom1, 1)
    .option("--ids", "clients make the event ids, a fresh one for each event")
    .option("--events <n>", "events of the history in sql", wholeFrom1)
    .addHelpText("after", `\n${helpOf("Scenarios", registry.byDefault)}${helpOf("On request", registry.onRequest)}`);
  command.parse(given, { from: "user" });
  const options = command.opts();
  const names = new Set<string>(command.processedArgs[0]);
  const unknown = [...names].filter((name) => !known.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    command.error(`No scenario ${unknown.join(", ")}. There are: ${known.map(({ name }) => name).join(", ")}`);
  }
  return {
    scenarios: names.size === 0 ? [...registry.byDefault] : known.filter(({ name }) => names.has(name)),
    isQuick: options.quick === true,
    rounds: options.rounds,
    seconds: options.seconds,
    events: options.events,
    ids: options.ids ? "client" : "server",
    seed: options.seed,
    jsonPath: options.json,
    htmlPath: options.html ?? options.json?.replace(/(\.json)?$/, ".html"),
    svgFolder: options.svg,
    comparePath: options.compare,
  };
}

function helpOf(title: string, scenarios: readonly Scenario[]): string {
  const width = Math.max(0, ...scenarios.map(({ name }) => name.length));
  return `${title}:\n${scenarios.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`).join("")}`;
}

function wholeFrom1(given: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return value;
}
