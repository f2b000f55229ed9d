/** Bodies that would hold a shard: its thread for them gives what the shard itself would have given. */
import { afterAll, describe, expect, test } from "bun:test";
import { openLog } from "../../src/base/log.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { ParserThread } from "../../src/shard/parser/thread.ts";
import { type LeftBody, unusualBytesMax } from "../../src/shard/protocol.ts";
import { Ingest } from "../../src/shard/worker/ingest.ts";

const receivedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const context = { receivedAt: timestampOfMs(receivedAtMs), receivedAtMs, bodyBytesMax: 1_048_576 };
const thread = new ParserThread({ schemas: { source: undefined } }, openLog("silent", "test"));
afterAll(() => thread.close());

const id = "01a21483-3214-7734-bf45-8667cfa16c71";
const head = `"event_name":"a","event_id":"${id}"`;
const many = (item: (index: number) => string) => Array.from({ length: 7_000 }, (_, index) => item(index)).join(",");

const leftBody = (text: string, form = "event"): LeftBody => ({
  body: new Uint8Array(Buffer.from(text)),
  form,
  subject: "größer",
  receivedAtMs,
});

/** What an ingest without a bound makes of a body. */
function ingestedHere({ body, form, subject }: LeftBody) {
  const ingest = new Ingest({ unusualBytesMax: Number.POSITIVE_INFINITY });
  const ingested = ingest.ingest({ body, form, subject, encoding: "identity" }, context);
  if (ingested.kind === "left") throw new Error("an ingest without a bound leaves nothing");
  if (ingested.kind !== "rows") return { kind: "answer", answer: ingested };
  const { rows, lines, linesBytes, refused } = ingested;
  return { kind: "rows", rows, lines: lines.toString("utf8", 0, linesBytes), refused };
}

describe("what a shard leaves becomes what the shard would have made of it", () => {
  test.each([
    [
      "keys that are numbers, in no order",
      `{${head},"properties":{${many((index) => `"${(index * 7) % 7_001}":1.0`)}}}`,
      "event",
    ],
    ["a key twice", `{${head},"properties":{"k":1,${many((index) => `"k${index}":"ä"`)},"k":2}}`, "event"],
    [
      "an event of a batch with a key twice",
      `{"events":[{${head},"properties":{"a":1,"a":[${many(() => "1.50")}]}}],"client_id":"c"}`,
      "batch",
    ],
    ["an event without a name", `{"properties":{"v":[${many(() => "{}")}]}}`, "event"],
    ["JSON that breaks off", `{${head},"properties":{"v":[${many(() => "{}")}`, "event"],
    ["nesting that is too deep", "[".repeat(50_000), "event"],
    ["more events than a batch may have", `{"events":[${many(() => "{}")}]}`, "batch"],
  ])("%s", async (_name, text, form) => {
    const shard = new Ingest({ unusualBytesMax });
    const { body, subject } = leftBody(text);
    expect(shard.ingest({ body, form, subject, encoding: "identity" }, context).kind).toBe("left");
    const parsed = await thread.parse(leftBody(text, form));
    const shown = parsed?.kind === "rows" ? { ...parsed, lines: Buffer.from(parsed.lines).toString() } : parsed;
    expect(shown).toEqual({ misfits: [], ...ingestedHere(leftBody(text, form)) } as never);
  });
});

test("an unusual event of a large batch is parsed in the shard, and what is usual is never left", () => {
  const shard = new Ingest({ unusualBytesMax });
  const usual = `{"event_name":"a","properties":{"v":"${"x".repeat(20_000)}"}}`;
  const text = `{"events":[${usual},{"event_name":"b","properties":{"a":1,"a":2}},${usual}]}`;
  const { body, subject } = leftBody(text);
  expect(shard.ingest({ body, form: "batch", subject, encoding: "identity" }, context).kind).toBe("rows");
});

test("a small body is parsed in the shard, whatever is in it", () => {
  const shard = new Ingest({ unusualBytesMax });
  for (const text of [`{${head},"properties":{"2":1,"1":1}}`, "[", `{"properties":[]}`]) {
    const { body, form, subject } = leftBody(text);
    expect(shard.ingest({ body, form, subject, encoding: "identity" }, context).kind).not.toBe("left");
  }
});

test("past its bound the thread takes no more, and later it does", async () => {
  const text = `{${head},"other":"${"x".repeat(1_048_000)}"}`;
  const parsed = await Promise.all(Array.from({ length: 12 }, () => thread.parse(leftBody(text))));
  expect(parsed.map((each) => each?.kind)).toEqual(
    Array.from({ length: 12 }, (_, at) => (at < 8 ? "rows" : undefined)),
  );
  expect((await thread.parse(leftBody(text)))?.kind).toBe("rows");
});

test("a thread that dies costs the bodies in it, and its successor takes the next one", async () => {
  const text = `{${head},"properties":{"1":[${many(() => "{}")}]}}`;
  await thread.parse(leftBody(text));
  const died = thread.host?.terminate();
  const lost = await thread.parse(leftBody(text));
  await died;
  expect([undefined, "rows"]).toContain(lost?.kind);
  expect((await thread.parse(leftBody(text)))?.kind).toBe("rows");
});
