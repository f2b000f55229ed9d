import { expect, test } from "bun:test";
import { AnswerReader } from "../../bench/load/answers.ts";
import { Schedule } from "../../bench/load/schedule.ts";
import { fc } from "../support/property.ts";

function timesWithin(schedule: Schedule, seconds: number): number[] {
  const times: number[] = [];
  for (; schedule.nextMs <= seconds * 1e3; schedule.advance()) times.push(schedule.nextMs);
  return times;
}

test("intended times are the same for the same seed and rate, and never go back", () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 1, max: 50_000, noNaN: true }), (seed, perSecond) => {
      const times = timesWithin(new Schedule({ seed, perSecond }), 0.05);
      expect(timesWithin(new Schedule({ seed, perSecond }), 0.05)).toEqual(times);
      expect(times.toSorted((a, b) => a - b)).toEqual(times);
    }),
  );
});

test("the rate adds up, and arrivals cluster as those of strangers do", () => {
  const times = timesWithin(new Schedule({ seed: 1, perSecond: 2_000 }), 50);
  // 100,000 of a Poisson process lie within five of its deviations.
  expect(times.length).toBeWithin(100_000 - 5 * 317, 100_000 + 5 * 317);
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
  // Of exponential gaps a share of 1 - 1/e is shorter than the mean.
  expect(gaps.filter((gap) => gap < 0.5).length / gaps.length).toBeCloseTo(1 - 1 / Math.E, 2);
});

test("a rate of nothing is refused", () => {
  for (const perSecond of [0, -1, Number.NaN]) expect(() => new Schedule({ seed: 1, perSecond })).toThrow("cannot");
});

const answer = (status: number, body: string) =>
  `HTTP/1.1 ${status} Any Reason\r\nRetry-After: 1\r\ncontent-LENGTH: ${Buffer.byteLength(body)}\r\nDate: x\r\n\r\n${body}`;

test("an answer ends with its last byte, however it is cut", () => {
  const cases = fc.array(
    fc.record({ status: fc.constantFrom(200, 204, 429, 503), body: fc.string({ unit: "binary" }) }),
  );
  fc.assert(
    fc.property(cases, fc.infiniteStream(fc.integer({ min: 1, max: 90 })), (answers, sizes) => {
      const reader = new AnswerReader();
      for (const { status, body } of answers) {
        const bytes = Buffer.from(answer(status, body));
        const found: (number | undefined)[] = [];
        for (let from = 0; from < bytes.byteLength; ) {
          const size = sizes.next().value;
          // One memory for all pieces, as a socket has it: a reader that keeps a piece must have copied it.
          const piece = Buffer.alloc(size);
          const length = bytes.copy(piece, 0, from, from + size);
          found.push(reader.take(piece.subarray(0, length)));
          piece.fill(0);
          from += length;
        }
        expect(found.pop()).toBe(status);
        expect(found.every((each) => each === undefined)).toBe(true);
      }
    }),
  );
});

test("what is no answer, or more than one, is an error", () => {
  const taking = (text: string) => () => new AnswerReader().take(Buffer.from(text));
  expect(taking("SSH-2.0-OpenSSH\r\n\r\n")).toThrow("no answer");
  expect(taking("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")).toThrow("no answer");
  expect(taking(`${answer(200, "{}")}H`)).toThrow("more was answered");
  expect(taking("H".repeat(64 * 1024))).toThrow("does not end");
});
