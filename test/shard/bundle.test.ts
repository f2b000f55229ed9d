import { expect, test } from "bun:test";
import { packAnswers, packRequests, unpackAnswers, unpackRequests } from "../../src/shard/bundle.ts";
import type { AppendAnswer, AppendRequest } from "../../src/shard/protocol.ts";
import { fc } from "../support/property.ts";

const request: fc.Arbitrary<AppendRequest> = fc.record({
  body: fc.uint8Array({ maxLength: 300 }),
  form: fc.constantFrom("event", "batch"),
  encoding: fc.constantFrom("identity", "gzip", "zstd"),
  subject: fc.option(fc.string({ unit: "binary", maxLength: 40 })),
});

test("requests cross between threads as they were, whatever their bytes", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 20 }), (requests) => {
      expect([...unpackRequests(packRequests(requests))]).toEqual(requests);
    }),
  );
});

const answer: fc.Arbitrary<AppendAnswer> = fc.oneof(
  fc.jsonValue().map((value): AppendAnswer => ({ kind: "accepted", body: JSON.stringify(value) })),
  fc.jsonValue().map((value): AppendAnswer => ({ kind: "invalid", body: JSON.stringify(value) })),
  fc.constant<AppendAnswer>({ kind: "too_large" }),
  fc.constant<AppendAnswer>({ kind: "not_inflated" }),
  fc.constant<AppendAnswer>({ kind: "overloaded", reason: "buffer_full" }),
);

test("answers cross between threads as they were, in their order", () => {
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 20 }), (answers) => {
      expect(unpackAnswers(packAnswers(answers))).toEqual(answers);
    }),
  );
});
