/** `bun run torture`: thousands of faults against the service as it is shipped. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { endDescendants, makeRunFolder, removeLeftovers, removeMemoryGroups, removeReleased } from "./leftovers.ts";
import { tableOf } from "./report.ts";
import { runScenario } from "./runner.ts";
import { scenarios } from "./scenarios/all.ts";

const help = `bun run torture [NAME[=ROUNDS]...] [--rounds N] [--seed S] [--minutes M] [--jobs N]

Runs the real service against a model of what was sent, acknowledged and refused, with one fault a round.

  NAME         scenarios; without one, all of them
  NAME=ROUNDS  a scenario with rounds of its own: kill=250 power=70
  --rounds N   rounds of each other scenario
  --jobs N     rounds at the same time, of scenarios that do not depend on pace (default: 1)
  --seed S     chooses every fault; printed first, so that a run can be repeated
  --minutes M  no round begins after this time

Scenarios:
${scenarios.map(({ name, summary }) => `  ${name.padEnd(13)}${summary}`).join("\n")}

SIGINT and SIGTERM drop the rounds under way, end what they started, and print the table of what was done.

Exit codes: 0 every promise held; 1 one was broken; 2 an unknown scenario or option; 130 and 143 ended by SIGINT or SIGTERM.`;

const usage = (message: string): never => {
  console.error(`torture: ${message}\n\n${help}`);
  process.exit(2);
};

/** A whole number of 1 or more; undefined if the option was not given. */
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
        jobs: { type: "string" },
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
const named = new Map(
  positionals.map((each) => {
    const [name = "", rounds] = each.split("=");
    return [name, numberOf(name, rounds)];
  }),
);
const unknown = [...named.keys()].filter((each) => !scenarios.some(({ name }) => name === each));
if (unknown.length > 0) usage(`unknown scenario ${unknown.join(", ")}`);
const seed = numberOf("seed", values.seed) ?? Math.floor(Math.random() * (2 ** 31 - 2)) + 1;
const rounds = numberOf("rounds", values.rounds);
const minutes = numberOf("minutes", values.minutes);
const jobs = numberOf("jobs", values.jobs) ?? 1;
console.log(`seed ${seed}`);
const endMs = minutes === undefined ? undefined : performance.now() + minutes * 60_000;
const tmp = tmpdir();
for (const path of removeLeftovers(tmp)) console.log(`removed what a run that was killed had left: ${path}`);
const folder = makeRunFolder(tmp);
// Temporary files of a round go into the folder of the run and are removed with it.
process.env["TMPDIR"] = folder;
const ended = new AbortController();
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
for (const [signal, code] of Object.entries(exitCodes)) process.on(signal, () => ended.abort(code));
const wanted = scenarios.filter(({ name }) => named.size === 0 || named.has(name));
const tallies = [];
for (const scenario of wanted) {
  if (ended.signal.aborted) break;
  const own = { seed, rounds: named.get(scenario.name) ?? rounds, jobs, endMs, folder };
  tallies.push(await runScenario(scenario, { ...own, signal: ended.signal, print: console.log }));
}
if (ended.signal.aborted) {
  console.log("ended before its time: the rounds under way were dropped");
  endDescendants();
  removeMemoryGroups((pid) => pid === String(process.pid));
}
removeReleased(folder);
console.log(`\n${tableOf(tallies)}\nseed ${seed}`);
const isBroken = tallies.some(({ failed }) => failed > 0);
process.exit(isBroken ? 1 : ended.signal.aborted ? Number(ended.signal.reason) : 0);
