/** Compares two runs: reports what differs by more than their rounds do. */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { median } from "../core/method.ts";
import type { Figure, Run } from "../core/result.ts";

const figureSchema = Type.Object({
  side: Type.String(),
  name: Type.String(),
  unit: Type.String(),
  better: Type.Union([Type.Literal("higher"), Type.Literal("lower"), Type.Literal("neither")]),
  // In JSON a round without a number is null.
  samples: Type.Array(Type.Union([Type.Number(), Type.Null()])),
  eventsPerRequest: Type.Optional(Type.Number()),
});

const runSchema = Type.Object({
  format: Type.Literal(1),
  record: Type.Object({
    startedAt: Type.String(),
    commit: Type.String(),
    machine: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
    versions: Type.Record(Type.String(), Type.String()),
    settings: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    warnings: Type.Array(Type.String()),
  }),
  results: Type.Array(Type.Object({ scenario: Type.String(), figures: Type.Array(figureSchema) })),
});

/** The parts of a stored run that are compared. */
export type KeptRun = Static<typeof runSchema>;

/** `better` and `worse` only beyond the noise; `differs` if neither direction is good. */
export type Verdict = "better" | "worse" | "differs" | "within noise";

/** One figure in both runs. */
export type Comparison = {
  scenario: string;
  side: string;
  name: string;
  unit: string;
  eventsPerRequest: number | undefined;
  /** Medians. */
  earlier: number;
  now: number;
  verdict: Verdict;
};

/** The comparison of this run with an earlier one. */
export type Compared = {
  /** Time, commit and warnings of the earlier run. */
  earlier: { startedAt: string; commit: string; warnings: string[] };
  /** What differs in machine, versions and settings: `Bun 1.4.5, was 1.4.4`. */
  differences: string[];
  /** Machine or versions differ, so only figures that do not depend on them are compared. */
  onlyShares: boolean;
  comparisons: Comparison[];
  /** Figures of scenarios that are in both runs: only in the earlier one, only in this one. */
  vanished: string[];
  added: string[];
  /** Scenarios of the earlier run that this one lacks. */
  scenariosNotRun: string[];
};

/**
 * A run an hour later differs by this much although its own rounds agree, because the machine's neighbours and its disk
 * vary.
 */
const noiseShareMin = 0.05;

/**
 * With fewer rounds the range says almost nothing: of two identical runs with two rounds each, one figure in five would
 * differ.
 */
const roundsMinForRange = 3;

/** With too few rounds only a difference that nobody would call noise counts. */
const noiseShareOfFewRounds = 0.25;

/** Units that do not depend on the machine's speed. */
const unitsOfAnyMachine = ["share", "bytes/event"];

/** The file is not a run to compare with; the message names the file and the wrong part. */
export class CannotCompare extends Error {
  override readonly name = "CannotCompare";

  constructor(path: string, cause: unknown) {
    super(`cannot compare with ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/**
 * Reads a file that `--json` wrote, as it is or compressed with gzip.
 * @throws CannotCompare
 */
export async function readKeptRun(path: string): Promise<KeptRun> {
  try {
    const bytes = await Bun.file(path).bytes();
    return parseKeptRun(new TextDecoder().decode(path.endsWith(".gz") ? Bun.gunzipSync(bytes) : bytes));
  } catch (error) {
    throw new CannotCompare(path, error);
  }
}

/**
 * Reads the content of such a file.
 * @throws Error it is not a run; names the wrong part
 */
export function parseKeptRun(text: string): KeptRun {
  const found: unknown = JSON.parse(text);
  const first = Value.Errors(runSchema, found).First();
  if (!Value.Check(runSchema, found)) throw new Error(`not a run of this benchmark: ${first?.path} ${first?.message}`);
  return found;
}

/** Compares figure by figure, by scenario, side, name and events a request. */
export function compareRuns(now: Run, kept: KeptRun): Compared {
  const differences = [
    ...differencesOf(now.record.machine, kept.record.machine),
    ...differencesOf(now.record.versions, kept.record.versions),
  ];
  const onlyShares = differences.length > 0;
  const comparisons: Comparison[] = [];
  const [vanished, added]: [string[], string[]] = [[], []];
  for (const { scenario, figures } of now.results) {
    const before = kept.results.find((result) => result.scenario === scenario);
    if (before === undefined) {
      added.push(`all of ${scenario}`);
      continue;
    }
    const earlierFigures = new Map(before.figures.filter(hasNumber).map((figure) => [keyOf(figure), figure]));
    for (const figure of figures.filter(hasNumber)) {
      const earlier = earlierFigures.get(keyOf(figure));
      if (earlier === undefined || earlier.unit !== figure.unit) {
        added.push(`${scenario}: ${keyOf(figure)}`);
        continue;
      }
      earlierFigures.delete(keyOf(figure));
      if (onlyShares && !unitsOfAnyMachine.includes(figure.unit)) continue;
      comparisons.push({ scenario, ...compareFigures(figure, samplesOf(earlier)) });
    }
    vanished.push(...[...earlierFigures.keys()].map((key) => `${scenario}: ${key}`));
  }
  return {
    earlier: { startedAt: kept.record.startedAt, commit: kept.record.commit, warnings: kept.record.warnings },
    differences: [...differences, ...differencesOf(now.record.settings, kept.record.settings)],
    onlyShares,
    comparisons,
    vanished,
    added,
    scenariosNotRun: kept.results
      .map(({ scenario }) => scenario)
      .filter((name) => !now.results.some(({ scenario }) => scenario === name)),
  };
}

/**
 * Whether two medians are further apart than noise: the larger of the two ranges of their rounds, and at least
 * `noiseShareMin` of the earlier median.
 */
export function exceedsNoise(now: readonly number[], earlier: readonly number[]): boolean {
  const hasRange = Math.min(now.length, earlier.length) >= roundsMinForRange;
  const floor = Math.abs(median(earlier)) * (hasRange ? noiseShareMin : noiseShareOfFewRounds);
  return Math.abs(median(now) - median(earlier)) > Math.max(rangeOf(now), rangeOf(earlier), floor);
}

function compareFigures(figure: Figure, keptSamples: readonly number[]): Omit<Comparison, "scenario"> {
  const { side, name, unit, better, eventsPerRequest } = figure;
  const samples = samplesOf(figure);
  const [now, earlier] = [median(samples), median(keptSamples)];
  const said = { side, name, unit, eventsPerRequest, now, earlier };
  if (!exceedsNoise(samples, keptSamples)) return { ...said, verdict: "within noise" };
  if (better === "neither") return { ...said, verdict: "differs" };
  return { ...said, verdict: now > earlier === (better === "higher") ? "better" : "worse" };
}

function samplesOf({ samples }: { samples: readonly (number | null)[] }): number[] {
  return samples.filter((sample): sample is number => sample !== null && Number.isFinite(sample));
}

function hasNumber(figure: { samples: readonly (number | null)[] }): boolean {
  return samplesOf(figure).length > 0;
}

function rangeOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);
}

function keyOf({
  side,
  name,
  eventsPerRequest,
}: Pick<Figure, "side" | "name"> & { eventsPerRequest?: number | undefined }): string {
  return `${side}, ${name}${eventsPerRequest === undefined ? "" : `, ${eventsPerRequest} a request`}`;
}

type Told = Readonly<Record<string, string | number | boolean>>;

function differencesOf(now: Told, earlier: Told): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(earlier)])]
    .filter((name) => now[name] !== earlier[name])
    .map((name) => `${name} ${now[name] ?? "not given"}, was ${earlier[name] ?? "not given"}`);
}
