/** A stream of the tail shows that it lives, so that no proxy ends it: a comment every 15 s. */
import { expect, test } from "bun:test";
import { TailSession } from "../../src/tail/session.ts";
import { atRest, VirtualTime } from "../support/virtual-time.ts";

/** A stream whose reader takes everything at once, unless it has stopped. */
function open(time: VirtualTime) {
  let endings = 0;
  const session = TailSession.open(
    { subject: null, filter: {}, from: undefined, isAllowed: async () => true },
    {
      position: [0],
      hasGap: false,
      time: time.part(),
      onEnded: () => {
        endings++;
      },
    },
  );
  const reader = session.body.getReader();
  const taken: string[] = [];
  /** Takes all that comes from now on. */
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      taken.push(Buffer.from(next.value).toString());
  };
  return { session, taken, read, endings: () => endings };
}

const put = (session: TailSession, text: string) => session.put(Buffer.from(text), [1], () => undefined);

test("a comment comes at once, and then every 15 s", async () => {
  const time = new VirtualTime();
  const { session, taken, read, endings } = open(time);
  const reading = read();
  await time.pass(14_999);
  expect(taken).toEqual([":\n\n"]);
  await time.pass(1);
  expect(taken).toEqual([":\n\n", ":\n\n"]);
  put(session, "data: 1\n\n");
  await time.pass(45_000);
  expect(taken.slice(2)).toEqual(["data: 1\n\n", ":\n\n", ":\n\n", ":\n\n"]);
  session.end();
  await reading;
  await time.pass(60_000);
  expect(taken).toHaveLength(6);
  expect(endings()).toBe(1);
});

test("for a reader that takes nothing no comments pile up", async () => {
  const time = new VirtualTime();
  const { session, taken, read } = open(time);
  put(session, "data: 1\n\n");
  await time.pass(3_600_000);
  const reading = read();
  await atRest();
  expect(taken).toEqual([":\n\n", "data: 1\n\n"]);
  await time.pass(15_000);
  expect(taken).toHaveLength(3);
  session.end();
  await reading;
});
