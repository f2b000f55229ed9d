/** Places for queries: how many run, and who comes next. */
import { expect, test } from "bun:test";
import { type Place, Places } from "../../src/query/places.ts";
import { draws, fc } from "../support/property.ts";

/** Longer than a test takes: nobody gives up. ms */
const patientMs = 60_000;

const asker = (subject: string | null, signal = new AbortController().signal) => ({ subject, signal });

/** Takes places for subjects, in this order, and says who has one. */
function crowd(placesMax: number) {
  const places = new Places(placesMax);
  const running: Place[] = [];
  const refused: (string | null)[] = [];
  const ask = async (...subjects: (string | null)[]) => {
    for (const subject of subjects)
      places.take(asker(subject), patientMs).then((place) => {
        if (place === undefined) refused.push(subject);
        else running.push(place);
      });
    await Bun.sleep(0);
  };
  const end = async (subject: string | null) => {
    const at = running.findIndex((place) => place.subject === subject);
    running.splice(at, 1)[0]?.free();
    await Bun.sleep(0);
  };
  return { places, ask, end, refused, running: () => running.map(({ subject }) => subject) };
}

test("one subject leaves a place for others, and takes all but that", async () => {
  const { ask, running } = crowd(3);
  await ask("a", "a", "a", "a");
  expect(running()).toEqual(["a", "a"]);
  await ask("b");
  expect(running()).toEqual(["a", "a", "b"]);
});

test("the only place is everybody's", async () => {
  const { ask, end, running } = crowd(1);
  await ask("a", "a", null);
  expect(running()).toEqual(["a"]);
  await end("a");
  expect(running()).toEqual([null]);
});

test("a subject with many waiters does not follow itself while others wait", async () => {
  const { ask, end, running } = crowd(2);
  await ask("greedy", "b", ...Array.from({ length: 10 }, () => "greedy"), "c", "d");
  expect(running()).toEqual(["greedy", "b"]);
  await end("greedy");
  expect(running()).toEqual(["b", "c"]);
  await end("c");
  expect(running()).toEqual(["b", "greedy"]);
  await end("b");
  expect(running()).toEqual(["greedy", "d"]);
  await end("d");
  expect(running()).toEqual(["greedy"]);
});

test("waiters are bounded: those of a subject, and all of them", async () => {
  const { ask, refused, running } = crowd(1);
  await ask("first");
  await ask(...Array.from({ length: 17 }, () => "greedy"));
  expect(refused).toEqual(["greedy"]);
  await ask(...Array.from({ length: 49 }, (_, n) => `other ${n}`));
  expect([refused.length, refused.at(-1), running()]).toEqual([2, "other 48", ["first"]]);
});

test("whoever leaves while waiting, or waits too long, has no place and keeps none", async () => {
  const places = new Places(1);
  const held = await places.take(asker("a"), patientMs);
  const gone = new AbortController();
  const left = places.take(asker("b", gone.signal), patientMs);
  gone.abort();
  expect([await left, await places.take(asker("c"), 1), places.taken]).toEqual([undefined, undefined, 1]);
  held?.free();
  held?.free();
  expect(places.taken).toBe(0);
  expect(await places.take(asker("d", AbortSignal.abort()), patientMs)).toBeUndefined();
});

test("a stop ends all waits", async () => {
  const { places, ask, refused } = crowd(1);
  await ask("a", "b", "c");
  places.stop();
  await Bun.sleep(0);
  expect(refused).toEqual(["b", "c"]);
});

test("never more than there are, never all for one, and none idle while somebody may have it", async () => {
  const subjects = fc.constantFrom("a", "b", "c", null);
  const steps = fc.array(fc.record({ kind: fc.constantFrom("ask", "end"), subject: subjects }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (placesMax, taken) => {
      const { places, ask, end, refused, running } = crowd(placesMax);
      const asked = { a: 0, b: 0, c: 0, null: 0 };
      const of = (subject: string | null) => running().filter((each) => each === subject).length;
      const ended = { a: 0, b: 0, c: 0, null: 0 };
      for (const { kind, subject } of taken) {
        const name = (subject ?? "null") as keyof typeof asked;
        if (kind === "ask") {
          await ask(subject);
          asked[name] += 1;
        } else if (of(subject) > 0) {
          await end(subject);
          ended[name] += 1;
        }
        expect(places.taken).toBe(running().length);
        expect(places.taken).toBeLessThanOrEqual(placesMax);
        for (const each of ["a", "b", "c", null]) {
          const own = of(each);
          expect(own).toBeLessThanOrEqual(Math.max(1, placesMax - 1));
          const key = (each ?? "null") as keyof typeof asked;
          const waiting = asked[key] - ended[key] - own - refused.filter((one) => one === each).length;
          const isIdle = places.taken < placesMax && own < Math.max(1, placesMax - 1);
          expect(waiting > 0 && isIdle).toBe(false);
        }
      }
      places.stop();
    }),
    draws(60),
  );
});
