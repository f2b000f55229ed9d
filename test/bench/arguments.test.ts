import { expect, test } from "bun:test";
import { readPlan } from "../../bench/arguments.ts";
import type { Scenario } from "../../bench/core/scenario.ts";
import { scenariosByDefault, scenariosOnRequest } from "../../bench/scenarios/all.ts";
import { result } from "./sample-run.ts";

const scenario = (name: string): Scenario => ({ name, summary: `what ${name} does`, run: async () => result() });
const registry = { byDefault: [scenario("single-64"), scenario("batch-64")], onRequest: [scenario("sql")] };
const namesOf = (given: string[]) => readPlan(given, registry).scenarios.map(({ name }) => name);

test("without a name all run that are not on request, and names choose from both", () => {
  expect(namesOf([])).toEqual(["single-64", "batch-64"]);
  expect(namesOf(["sql", "batch-64"])).toEqual(["batch-64", "sql"]);
});

test("numbers given go to the scenarios as they are", () => {
  const plan = readPlan(["--quick", "--seconds", "40", "--rounds", "5", "--ids", "--events", "7"], registry);
  expect(plan).toMatchObject({ isQuick: true, seconds: 40, rounds: 5, ids: "client", events: 7, seed: 1 });
  expect(readPlan([], registry)).toMatchObject({
    isQuick: false,
    seconds: undefined,
    rounds: undefined,
    ids: "server",
  });
});

test("the page stands beside the JSON, unless it has a place of its own; nothing is written unasked", () => {
  expect(readPlan(["--json", "a/b.json"], registry).htmlPath).toBe("a/b.html");
  expect(readPlan(["--json", "b"], registry).htmlPath).toBe("b.html");
  expect(readPlan(["--json", "b.json", "--html", "c.html"], registry).htmlPath).toBe("c.html");
  expect(readPlan([], registry)).toMatchObject({ jsonPath: undefined, htmlPath: undefined, svgFolder: undefined });
});

const main = new URL("../../bench/main.ts", import.meta.url).pathname;
const bench = (...given: string[]) => Bun.spawnSync([process.execPath, main, ...given]);

test("an unknown name is told with all that there are, and --help tells what each does", () => {
  const names = [...scenariosByDefault, ...scenariosOnRequest].map(({ name }) => name);
  const refused = bench("nonsense");
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr.toString()).toContain(`No scenario nonsense. There are: ${names.join(", ")}`);
  const help = bench("--help").stdout.toString();
  for (const { name, summary } of [...scenariosByDefault, ...scenariosOnRequest]) {
    expect(help).toContain(name);
    expect(help).toContain(summary);
  }
});

test("a run that cannot be compared with is told before anything is measured", () => {
  for (const path of ["nowhere.json", main]) {
    const refused = bench("--compare", path);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr.toString()).toMatch(/^cannot compare with \S+: [^\n]+\n$/);
    expect(refused.stdout.toString()).toBe("");
  }
});

test("scenarios have names of their own, which are names of files too", () => {
  const names = [...scenariosByDefault, ...scenariosOnRequest].map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
  expect(names.filter((name) => !/^[a-z0-9-]+$/.test(name))).toEqual([]);
});
