import { describe, expect, test } from "bun:test";
import { makeEventId, parseEventId, readEventId, writeEventId } from "../../src/event/event-id.ts";
import { fc } from "../support/property.ts";

const id = "0192f0c1-2b3c-7d4e-8f90-abcdef012345";

const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
});

test("a made id is a UUIDv7 in the canonical form, and the next one sorts behind it", () => {
  const ids = Array.from({ length: 1000 }, makeEventId);
  for (const made of ids) expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

describe("each form that pydantic takes is read as the canonical one", () => {
  const forms = [id, id.toUpperCase(), `urn:uuid:${id}`, `{${id}}`, `{${id.toUpperCase()}}`, id.replaceAll("-", "")];
  const nil = "00000000-0000-0000-0000-000000000000";
  test.each(forms)("%s", (text) => {
    expect(parseEventId(text)).toEqual({ ok: true, id });
  });
  test("of any version, and none", () => {
    expect(parseEventId(nil)).toEqual({ ok: true, id: nil });
    fc.assert(fc.property(anyId, (any) => expect(parseEventId(any.toUpperCase())).toEqual({ ok: true, id: any })));
  });
});

describe("anything else is refused in the words of Rust's crate uuid", () => {
  const character = "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found";
  const refusals: [text: string, error: string][] = [
    ["", "invalid length: expected length 32 for simple format, found 0"],
    ["123", "invalid length: expected length 32 for simple format, found 3"],
    ["0".repeat(36), "invalid length: expected length 32 for simple format, found 36"],
    ["nope", `${character} \`n\` at 1`],
    [`${id.slice(0, -1)}g`, `${character} \`g\` at 36`],
    ["0é", `${character} \`é\` at 2`],
    ["😀", `${character} \`😀\` at 1`],
    [` ${id}`, `${character} \` \` at 1`],
    [`${id}\n`, `${character} \`\n\` at 37`],
    [`{${id}`, `${character} \`{\` at 1`],
    [`URN:UUID:${id}`, `${character} \`U\` at 1`],
    ["urn:uuid:zzz", `${character} \`z\` at 10`],
    [`urn:uuid:g${id.slice(1)}`, `${character} \`g\` at 1`],
    ["a-b", "invalid group count: expected 5, found 2"],
    ["urn:uuid:", "invalid group count: expected 5, found 1"],
    [`{${id.replaceAll("-", "")}}`, "invalid group count: expected 5, found 1"],
    [`${id}-`, "invalid group count: expected 5, found 6"],
    [id.slice(1), "invalid group length in group 0: expected 8, found 7"],
    ["----", "invalid group length in group 0: expected 8, found 0"],
    ["00000000-0000-0000-00000000-00000000", "invalid group length in group 3: expected 4, found 8"],
    [`${id}0`, "invalid group length in group 4: expected 12, found 13"],
    [`{${id}0}`, "invalid group length in group 4: expected 12, found 15"],
  ];
  test.each(refusals)("%j", (text, error) => {
    expect(parseEventId(text)).toEqual({ ok: false, error });
  });
});

describe("an id as four words", () => {
  test("has the most significant word first", () => {
    const words = new Uint32Array(6);
    writeEventId(id, words, 1);
    expect([...words]).toEqual([0, 0x0192f0c1, 0x2b3c7d4e, 0x8f90abcd, 0xef012345, 0]);
  });

  test("is read back as it was written, whatever lies around it", () => {
    fc.assert(
      fc.property(anyId, fc.nat({ max: 4 }), (any, offset) => {
        const words = new Uint32Array(8).fill(0xffffffff);
        writeEventId(any, words, offset);
        expect(readEventId(words, offset)).toBe(any);
        words.fill(0xffffffff, offset, offset + 4);
        expect(words).toEqual(new Uint32Array(8).fill(0xffffffff));
      }),
    );
  });
});
