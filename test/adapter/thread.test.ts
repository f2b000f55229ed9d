/** The adapters' thread: it starts when it is needed, and dies without taking anything with it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Batch } from "../../src/adapter/protocol.ts";
import { AdapterThread } from "../../src/adapter/thread.ts";
import { ActorDied, Overloaded } from "../../src/base/errors.ts";
import { openLog } from "../../src/base/log.ts";
import { testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { someFacts } from "../support/vendor-requests.ts";

setDefaultTimeout(testMsMax);

const bytesMax = 8 * 1024 * 1024;

/** A thread that ends with the test. */
function adapters() {
  const thread = new AdapterThread({ bytesMax }, openLog("silent", "test"));
  return { thread, [Symbol.asyncDispose]: () => thread.close() };
}

/** A body of this many events, each with a name of its own. */
const bodyOf = (events: number) =>
  Buffer.from(
    JSON.stringify({
      writeKey: "KEY",
      batch: Array.from({ length: events }, (_, index) => ({ type: "track", event: `e${index}` })),
    }),
  );

const segment = (events: number) => ({ protocol: "segment" as const, body: bodyOf(events) });

/** The names of the events of a message. */
const namesIn = ({ body }: Batch): string[] => {
  const { events }: { events: { event_name: string }[] } = JSON.parse(Buffer.from(body).toString());
  return events.map(({ event_name }) => event_name);
};

const names = (events: number) => Array.from({ length: events }, (_, index) => `e${index}`);

test("it is started by the first body, and passes on all messages, a few at a time", async () => {
  await using scope = adapters();
  const { thread } = scope;
  expect(thread.host).toBeUndefined();
  const taken: string[] = [];
  let underWay = 0;
  let most = 0;
  const take = async (batch: Batch) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await Bun.sleep(1);
    taken.push(...namesIn(batch));
    underWay -= 1;
  };
  expect(await thread.map(segment(1_000), someFacts, take)).toEqual({ ok: true });
  expect(underWay).toBe(0);
  expect(most).toBeWithin(1, 5);
  expect(taken.sort()).toEqual(names(1_000).sort());
});

test("what could not be mapped goes last, and not at all if another message fails", async () => {
  await using scope = adapters();
  const { thread } = scope;
  const batch = JSON.stringify({ batch: [7, ...names(150).map((event) => ({ type: "track", event }))] });
  const raw = () => ({ protocol: "segment" as const, body: Buffer.from(batch) });
  const order: string[] = [];
  const take = async ({ refused }: Batch) => {
    if (refused.length === 0) await Bun.sleep(5);
    order.push(refused.length === 0 ? "events" : "refused");
  };
  await thread.map(raw(), someFacts, take);
  expect(order).toEqual(["events", "events", "refused"]);
  const failing = async ({ refused }: Batch) => {
    expect(refused).toEqual([]);
    throw new Overloaded("commit_failed");
  };
  await expect(thread.map(raw(), someFacts, failing)).rejects.toThrow(Overloaded);
});

test("a body that names its key waits until the key is checked, and is forgotten if that is refused", async () => {
  await using scope = adapters();
  const { thread } = scope;
  const taken: string[] = [];
  const take = async (batch: Batch) => void taken.push(...namesIn(batch));
  const refused = thread.mapByKey(
    segment(1),
    async (key) => {
      throw new Error(`no ${key}`);
    },
    take,
  );
  expect(refused).rejects.toThrow("no KEY");
  await refused.catch(() => undefined);
  expect(await thread.mapByKey(segment(2), async () => someFacts, take)).toEqual({ ok: true });
  expect(taken).toEqual(names(2));
});

test("a thread that dies refuses what it had, also between two messages; its successor takes the next", async () => {
  await using scope = adapters();
  const { thread } = scope;
  const die = async () => {
    await thread.host?.terminate();
  };
  await expect(thread.map(segment(1_000), someFacts, die)).rejects.toThrow(ActorDied);
  await until(() => thread.host?.isReady === true, { what: "the successor", limitMs: 10_000 });
  const keyed = thread.mapByKey(
    segment(1),
    async () => {
      await die();
      return someFacts;
    },
    async () => undefined,
  );
  await expect(keyed).rejects.toThrow(ActorDied);
  await until(() => thread.host?.isReady === true, { what: "the second successor", limitMs: 10_000 });
  const taken: string[] = [];
  await thread.map(segment(3), someFacts, async (batch) => void taken.push(...namesIn(batch)));
  expect(taken).toEqual(names(3));
});
