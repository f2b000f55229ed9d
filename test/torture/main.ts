/** `bun run torture`: faults by the thousand against the service as it is shipped. */
import { parseArgs } from "node:util";
import { tableOf } from "./report.ts";
import { runScenario } from "./runner.ts";
import { scenarios } from "./scenarios/all.ts";

const help = `bun run torture [NAME...] [--rounds N] [--seed S] [--minutes M]

Runs the real service against a model of what was sent, acknowledged and refused, with one fault a round.

  NAME         scenarios; without one, all of them
  --rounds N   rounds of each scenario
  --seed S     chooses every fault; printed first, so that a run can be repeated
  --minutes M  no round begins after this time

Scenarios:
${scenarios.map(({ name, summary }) => `  ${name.padEnd(13)}${summary}`).join("\n")}

Exit codes: 0 every promise held; 1 one was broken; 2 an unknown scenario or option.`;

const usage = (message: string): never => {
  console.error(`torture: ${message}\n\n${help}`);
  process.exit(2);
};

/** A whole number of 1 or more; undefined where the option was not given. */
function numberOf(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d{1,10}$/.test(given) && Number(given) > 0) return Number(given);
  return usage(`--${option}: must be a whole number from 1, not ${JSON.stringify(given)}`);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: "string" },
        seed: { type: "string" },
        minutes: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
if (values.help === true) {
  console.log(help);
  process.exit(0);
}
const unknown = positionals.filter((each) => !scenarios.some(({ name }) => name === each));
if (unknown.length > 0) usage(`unknown scenario ${unknown.join(", ")}`);
const seed = numberOf("seed", values.seed) ?? Math.floor(Math.random() * (2 ** 31 - 2)) + 1;
const rounds = numberOf("rounds", values.rounds);
const minutes = numberOf("minutes", values.minutes);
console.log(`seed ${seed}`);
const endMs = minutes === undefined ? undefined : performance.now() + minutes * 60_000;
const wanted = scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const tallies = [];
for (const scenario of wanted) tallies.push(await runScenario(scenario, { seed, rounds, endMs, print: console.log }));
console.log(`\n${tableOf(tallies)}`);
process.exit(tallies.some(({ failed }) => failed > 0) ? 1 : 0);
