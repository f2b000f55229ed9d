/** Reading the Prometheus text format, strictly. */

/** One line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A page of metrics: the samples, and each family's type. */
export interface Metrics {
  readonly samples: readonly Sample[];
  readonly types: ReadonlyMap<string, string>;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)(?: [0-9]+)?$/i;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/g;

/**
 * Parses a page.
 * @throws Error at the first line that is neither comment nor sample
 */
export function parseMetrics(text: string): Metrics {
  if (!text.endsWith("\n")) throw new Error("the last line of metrics does not end");
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const [, typeOf, type] = line.match(/^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/) ?? [];
    if (typeOf !== undefined && type !== undefined) {
      types.set(typeOf, type);
      continue;
    }
    const [, name, labels, value] = line.match(sampleLine) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a line of metrics: ${line}`);
    const pairs = [...(labels ?? "").matchAll(label)].map(([, key, text]) => [key ?? "", text ?? ""] as const);
    samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value.replace("Inf", "Infinity")) });
  }
  return { samples, types };
}

/** The samples whose name matches. */
export function matching(metrics: Metrics, name: RegExp): Sample[] {
  return metrics.samples.filter((sample) => name.test(sample.name));
}

/** The sum of the samples whose name matches: a counter over all its labels. */
export function sum(metrics: Metrics, name: RegExp): number {
  return matching(metrics, name).reduce((total, sample) => total + sample.value, 0);
}

/** Names of the histograms that match. */
export function histograms(metrics: Metrics, name: RegExp): string[] {
  return [...metrics.types].filter(([family, type]) => type === "histogram" && name.test(family)).map(([f]) => f);
}
