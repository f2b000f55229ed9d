import { expect, test } from "bun:test";
import { MessageChannel } from "node:worker_threads";
import { answerOn, Wire } from "../../src/actor/wire.ts";
import { draws, fc } from "../support/property.ts";

/** A wire whose other end answers in the same thread, and the end of both. */
function wireTo(handle: (request: unknown) => Promise<unknown>): { wire: Wire } & Disposable {
  const { port1, port2 } = new MessageChannel();
  answerOn(port2, handle);
  const wire = new Wire(port1);
  return {
    wire,
    [Symbol.dispose]: () => {
      wire.end(new Error("the test is over"));
      port2.close();
    },
  };
}

test("each request gets its own reply or its own error, in whatever order they are answered", async () => {
  const asked = fc.array(fc.record({ value: fc.integer(), pauseMs: fc.nat(3), fails: fc.boolean() }), {
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(asked, asked, async (...rounds) => {
      using to = wireTo(async (request) => {
        const { value, pauseMs, fails } = request as { value: number; pauseMs: number; fails: boolean };
        await Bun.sleep(pauseMs);
        if (fails) throw new Error(`no ${value}`);
        return value;
      });
      for (const requests of rounds) {
        const settled = await Promise.allSettled(requests.map((request) => to.wire.ask(request)));
        const shown = settled.map((each) => (each.status === "fulfilled" ? each.value : each.reason.message));
        expect(shown).toEqual(requests.map(({ value, fails }) => (fails ? `no ${value}` : value)));
      }
    }),
    draws(20),
  );
});

test("bytes that are moved are gone here and whole there", async () => {
  using to = wireTo(async (request) => Array.from(request as Uint8Array));
  const bytes = Uint8Array.of(1, 2, 3);
  const reply = to.wire.ask(bytes, [bytes.buffer]);
  expect(bytes.byteLength).toBe(0);
  expect(await reply).toEqual([1, 2, 3]);
});

test("what cannot cross is refused, and its place is no one else's", async () => {
  using to = wireTo(async (request) => request);
  expect(() => to.wire.ask(() => 1)).toThrow();
  expect(await Promise.all([to.wire.ask(1), to.wire.ask(2)])).toEqual([1, 2]);
});

test("what nobody waits for is carried out all the same", async () => {
  const told = Promise.withResolvers<unknown>();
  using to = wireTo(async (request) => told.resolve(request));
  to.wire.tell("heard");
  expect(await told.promise).toBe("heard");
});

test("when it ends, all that waits is rejected, and all that comes", async () => {
  using to = wireTo(() => new Promise(() => {}));
  const waiting = [to.wire.ask(1), to.wire.ask(2)];
  to.wire.end(new Error("the thread has ended"));
  const settled = await Promise.allSettled([...waiting, to.wire.ask(3)]);
  expect(settled.map((each) => each.status === "rejected" && each.reason.message)).toEqual(
    Array.from({ length: 3 }, () => "the thread has ended"),
  );
});
