/** kill -9 at each step of an erasure: it comes to its end, with an exact receipt. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { killAtCall } from "../support/faults.ts";
import { endedByStep } from "../support/keeper.ts";
import { type NamedStep, sealFive, stepIn } from "../support/kill-steps.ts";
import { testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";
import { until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  erase,
  expectSoundFolder,
  filesWith,
  formsOfId,
  wholeContent,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const erasureSteps: readonly NamedStep[] = [
  { what: "before it is written down", calls: "rename", path: "erasure.json.tmp", nth: 1 },
  { what: "as what is left of a segment gets its name", calls: "rename", nth: 1 },
  { what: "before a catalog without them", calls: "rename", path: "millrace.duckdb.tmp", nth: 1 },
  { what: "before it is written down how many there were", calls: "rename", path: "erasure.json.tmp", nth: 2 },
  { what: "as an id log without them gets its name", calls: "rename", path: "ids/0000-00000001.ids.tmp", nth: 1 },
  { what: "half-way through the files that held them", calls: "remove", path: "segment 2", nth: 1 },
  { what: "between its receipt and its end", calls: "remove", path: "erasure.json", nth: 1 },
];

const [session, ids] = [randomUUID(), Array.from({ length: 5 }, () => randomUUID())];

const withTheirs = copiesOf({ env: briefGrace }, (service) =>
  sealFive(service, (round) => [
    { event_name: "theirs", session_id: session, event_id: ids[round] },
    ...Array(9).fill({ event_name: "other" }),
  ]),
);

test.each(erasureSteps)("kill -9 of an erasure $what: it comes to its end, with an exact receipt", async (step) => {
  await using service = withTheirs();
  await service.restart();
  const needles = new Map<string, Uint8Array>([[session, Buffer.from(session)], ...ids.flatMap(formsOfId)]);
  const others = (await wholeContent(service)).filter((event) => !event.includes(session));
  const isNamed = () => existsSync(join(service.dataDir, "erasure.json"));
  {
    const arm = () => killAtCall(service.pid, stepIn(service, step));
    const before = step.path === undefined ? undefined : await arm();
    if (step.path !== undefined && before === undefined) return;
    const erasing = erase(service, { session_id: session }).catch(() => undefined);
    // The first file without a name that is known before is the one of the segment.
    if (step.path === undefined) await until(isNamed, { what: "the erasure to begin", limitMs: 10_000, everyMs: 1 });
    await using _after = step.path === undefined ? await arm() : undefined;
    await endedByStep(service);
    await erasing;
    await before?.[Symbol.asyncDispose]();
  }
  const isBegun = isNamed();
  await service.restart();
  await until(() => !isNamed(), { what: "the erasure to come to its end", limitMs: 15_000 });
  if (isBegun) {
    await until(async () => (await service.rows("FROM erasures")).length > 0, { what: "its receipt", limitMs: 10_000 });
    expect(filesWith(service.dataDir, needles)).toEqual([]);
    expect(await wholeContent(service)).toEqual(others);
  } else expect(await service.count("event_name = 'theirs'")).toBe(5);
  const requestHash = createHash("sha256")
    .update(JSON.stringify({ session_id: session }))
    .digest("hex");
  expect(await service.rows("SELECT events, request_hash FROM erasures")).toEqual(
    isBegun ? [{ events: "5", request_hash: requestHash }] : [],
  );
  expect(await agreedCount(service)).toBe(isBegun ? 45 : 50);
  await expectSoundFolder(service);
});
