import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ActorHost } from "../../src/actor/host.ts";
import { ActorDied } from "../../src/base/errors.ts";
import { openLog } from "../../src/base/log.ts";
import { temporaryFolder } from "../support/rows.ts";
import { patience, until } from "../support/until.ts";
import type { MortalReplies, MortalRequest } from "./mortal-actor.ts";

setDefaultTimeout(20_000 * patience);

test("a thread that dies is replaced, also when its successor dies before it is ready, and no request is left waiting", async () => {
  using folder = temporaryFolder();
  let deaths = 0;
  const host = new ActorHost<MortalRequest, MortalReplies>({
    name: "mortal",
    entry: new URL("./mortal-actor.ts", import.meta.url),
    options: { birthsPath: join(folder.path, "births") },
    log: openLog("silent", "test"),
    onDied: () => {
      deaths += 1;
    },
  });
  await host.start();
  expect(await host.ask({ kind: "add", one: 2, other: 3 })).toBe(5);
  const together = [host.ask({ kind: "die" }), host.ask({ kind: "add", one: 1, other: 1 })];
  const [died] = await Promise.allSettled(together);
  expect(died).toMatchObject({ status: "rejected", reason: expect.any(ActorDied) });
  await until(() => host.isReady, { what: "the third thread", limitMs: 10_000 });
  expect(deaths).toBe(2);
  expect(host.restarts).toBe(2);
  expect(await host.ask({ kind: "add", one: 4, other: 4 })).toBe(8);
  await host.destroy();
});
