/** GET /metrics: Prometheus text with what issue 3 lists. Names are matched by their words: the contract fixes none. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { histograms, type Metrics, matching, parseMetrics, sum } from "../support/prometheus.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const scrape = async () => parseMetrics(await service().metricsText());

/** By how much each counter that matches grew: of all names, since more than one may match. */
function growth(name: RegExp, before: Metrics, after: Metrics): number[] {
  const names = new Set(matching(after, name).map((sample) => sample.name));
  const of = (metrics: Metrics, exact: string) =>
    metrics.samples.filter((sample) => sample.name === exact).reduce((total, { value }) => total + value, 0);
  return [...names].map((exact) => of(after, exact) - of(before, exact));
}

/** By how much each bucket of a histogram grew, in their order. */
function growthOfBuckets(name: string, before: Metrics, after: Metrics): { le: string | undefined; growth: number }[] {
  const bucketsOf = ({ samples }: Metrics) => samples.filter((sample) => sample.name === `${name}_bucket`);
  const earlier = new Map(bucketsOf(before).map(({ labels, value }) => [labels["le"], value]));
  return bucketsOf(after).map(({ labels, value }) => ({
    le: labels["le"],
    growth: value - (earlier.get(labels["le"]) ?? 0),
  }));
}

test("the page is Prometheus text", async () => {
  const response = await service().request("/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/plain");
  const { samples, types } = parseMetrics(await response.text());
  expect(samples.length).toBeGreaterThan(20);
  for (const { name } of samples) {
    expect(
      [...types.keys()].some((family) => name === family || name.replace(/_(bucket|sum|count)$/, "") === family),
    ).toBe(true);
  }
});

test.each([
  ["events accepted", /^millrace_.*accepted/],
  ["requests or events refused", /^millrace_.*(refused|rejected)/],
  ["duplicates", /^millrace_.*duplicate/],
  ["conflicts", /^millrace_.*conflict/],
  ["the backlog", /^millrace_.*(backlog|pending|unsealed|buffer)/],
  ["journal bytes", /^millrace_.*journal.*bytes|^millrace_.*bytes.*journal/],
  ["segments", /^millrace_.*segments?/],
  ["worker restarts", /^millrace_.*restart/],
  ["free disk", /^millrace_.*disk.*free|^millrace_.*free.*bytes/],
  ["the age of the oldest unsealed event", /^millrace_.*oldest/],
])("there is a metric for %s", async (_what, name) => {
  expect(matching(await scrape(), name)).not.toBeEmpty();
});

test.each([
  ["group sizes", /^millrace_.*group/],
  ["fsync times", /^millrace_.*sync/],
  ["flush times", /^millrace_.*flush/],
])("there is a histogram of %s that has seen some, and adds up", async (_what, family) => {
  await service().track({ event_name: "for histograms" });
  await service().waitSealed();
  const metrics = await scrape();
  const names = histograms(metrics, family);
  expect(names).not.toBeEmpty();
  for (const name of names) {
    const counts = sum(metrics, new RegExp(`^${name}_count$`));
    const last = metrics.samples.filter((sample) => sample.name === `${name}_bucket` && sample.labels["le"] === "+Inf");
    expect(last.reduce((total, { value }) => total + value, 0)).toBe(counts);
    expect(counts).toBeGreaterThan(0);
  }
});

test("a value at a bound is counted in its bucket, and so in each above", async () => {
  const before = await scrape();
  await service().track({ event_name: "a group of one" });
  const after = await scrape();
  const grown = growthOfBuckets("millrace_group_events", before, after);
  expect(grown.length).toBeGreaterThan(5);
  expect(grown[0]).toEqual({ le: "1", growth: 1 });
  expect(grown.at(-1)?.le).toBe("+Inf");
  expect(new Set(grown.map(({ growth }) => growth))).toEqual(new Set([1]));
  expect(growth(/^millrace_group_events_(sum|count)$/, before, after)).toEqual([1, 1]);
});

test("accepted events, duplicates and conflicts are counted, one for one", async () => {
  const before = await scrape();
  const event = { event_name: "counted", event_id: randomUUID() };
  await service().track(event);
  await service().batch([{ event_name: "counted" }, { event_name: "counted" }]);
  await service().track(event);
  await service().track({ ...event, event_name: "counted otherwise" });
  const after = await scrape();
  expect(growth(/^millrace_.*accepted/, before, after)).toContain(3);
  expect(growth(/^millrace_.*duplicate/, before, after)).toContain(2);
  expect(growth(/^millrace_.*conflict/, before, after)).toContain(1);
});

test("refusals are counted by their reason", async () => {
  const before = await scrape();
  await service().post(paths.track, "{}");
  await service().request(paths.track, { token: null, body: "{}" });
  const after = await scrape();
  const refused = /^millrace_.*(refused|rejected)/;
  const grown = matching(after, refused).filter(({ name, labels, value }) => {
    const same = before.samples.find((sample) => sample.name === name && Bun.deepEquals(sample.labels, labels));
    return value > (same?.value ?? 0);
  });
  expect(new Set(grown.map(({ labels }) => JSON.stringify(labels))).size).toBeGreaterThanOrEqual(2);
  for (const { labels } of grown) expect(Object.keys(labels)).not.toBeEmpty();
});

test("free disk is what the disk tells", async () => {
  const [free] = matching(await scrape(), /^millrace_.*disk.*free|^millrace_.*free.*bytes/);
  expect(free?.value).toBeGreaterThan(1024 * 1024);
});
