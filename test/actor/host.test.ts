import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ActorHost } from "../../src/actor/host.ts";
import type { Handlers } from "../../src/actor/serve.ts";
import { ActorDied, ActorRefused, DataFolderRefused } from "../../src/base/errors.ts";
import { openLog } from "../../src/base/log.ts";
import { temporaryFolder } from "../support/rows.ts";
import { patience, until } from "../support/until.ts";
import type { MortalAnswers, MortalQuestion, MortalReplies, MortalRequest } from "./mortal-actor.ts";

setDefaultTimeout(20_000 * patience);

const unasked: Handlers<MortalQuestion, MortalAnswers> = {
  double: async ({ value }) => 2 * value,
  born: async () => undefined,
};

/** A mortal actor in a folder of its own. */
function mortal(given: { questions?: typeof unasked; onDied?: () => void; refused?: string } = {}) {
  const folder = temporaryFolder();
  const { questions = unasked, onDied = () => undefined, refused } = given;
  const host = ActorHost.open<MortalRequest, MortalReplies, MortalQuestion, MortalAnswers>({
    name: "mortal",
    entry: new URL("./mortal-actor.ts", import.meta.url),
    options: { birthsPath: join(folder.path, "births"), refused },
    log: openLog("silent", "test"),
    questions,
    onDied,
  });
  return {
    host,
    [Symbol.asyncDispose]: async () => {
      await host.destroy();
      folder[Symbol.dispose]();
    },
  };
}

test("a thread that dies is replaced, also when its successor dies before it is ready, and no request is left waiting", async () => {
  let deaths = 0;
  await using actor = mortal({
    onDied: () => {
      deaths += 1;
    },
  });
  const { host } = actor;
  await host.start();
  expect(await host.ask({ kind: "add", one: 2, other: 3 })).toBe(5);
  const together = [host.ask({ kind: "die" }), host.ask({ kind: "add", one: 1, other: 1 })];
  const [died] = await Promise.allSettled(together);
  expect(died).toMatchObject({ status: "rejected", reason: expect.any(ActorDied) });
  await until(() => host.isReady, { what: "the third thread", limitMs: 10_000 });
  expect(deaths).toBe(2);
  expect(host.restarts).toBe(2);
  expect(await host.ask({ kind: "add", one: 4, other: 4 })).toBe(8);
});

test("what a thread asks over its door is answered, fails with the reason, and is heard by the host of that thread alone", async () => {
  const births: number[] = [];
  const held = Promise.withResolvers<number>();
  await using actor = mortal({
    questions: {
      double: async ({ value }) => {
        if (value < 0) throw new Error(`no double of ${value}`);
        return value === 0 ? held.promise : 2 * value;
      },
      born: async ({ birth }) => {
        births.push(birth);
        return undefined;
      },
    },
  });
  const { host } = actor;
  await host.start();
  expect(await Promise.all([1, 2, 3].map((value) => host.ask({ kind: "relay", value })))).toEqual([2, 4, 6]);
  const refused: unknown = await host.ask({ kind: "relay", value: -1 }).catch((error: unknown) => error);
  expect(refused).toHaveProperty("message", "mortal: no double of -1");
  // The thread dies while its question is open; the answer that comes later reaches nobody, and harms nothing.
  const open = host.ask({ kind: "relay", value: 0 }).catch((error: unknown) => error);
  expect(await Promise.all([open, host.ask({ kind: "die" }).catch((error: unknown) => error)])).toEqual([
    expect.any(ActorDied),
    expect.any(ActorDied),
  ]);
  await until(() => host.isReady, { what: "the third thread", limitMs: 10_000 });
  expect(await host.ask({ kind: "relay", value: 5 })).toBe(10);
  expect(births).toEqual([1, 3]);
});

test("an actor that refuses its start says why, and that is not an error of the data folder", async () => {
  await using actor = mortal({ refused: "the tide is out; wait for it" });
  const refusal: unknown = await actor.host.start().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ActorRefused);
  expect(refusal).not.toBeInstanceOf(DataFolderRefused);
  expect(refusal).toHaveProperty("message", "the tide is out; wait for it");
});
