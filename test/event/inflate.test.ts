import { describe, expect, test } from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type Inflated, inflate } from "../../src/event/parse/inflate.ts";
import { fc } from "../support/property.ts";

const MiB = 1024 * 1024;
const body = Buffer.from(JSON.stringify({ events: Array(100).fill({ event_name: "signup" }) }));
const refused = (reason: "too_large" | "corrupt"): Inflated => ({ ok: false, reason });

/** The bytes that come out, or the reason why not. */
function outcome(bytes: Uint8Array, encoding: "gzip" | "zstd", limitBytes = MiB): Buffer | string {
  const inflated = inflate(bytes, encoding, limitBytes);
  return inflated.ok ? Buffer.from(inflated.bytes) : inflated.reason;
}

describe.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const)("%s", (encoding, compress) => {
  const packed = compress(body);

  test("any bytes come back", () => {
    const any = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
    fc.assert(fc.property(any, (bytes) => expect(outcome(compress(bytes), encoding)).toEqual(bytes)));
  });

  test("several parts, one behind the other, are one body", () => {
    expect(outcome(Buffer.concat([packed, packed]), encoding)).toEqual(Buffer.concat([body, body]));
  });

  test("exactly the limit is accepted, one byte more is too large, in however many parts", () => {
    expect(outcome(packed, encoding, body.byteLength)).toEqual(body);
    expect(inflate(packed, encoding, body.byteLength - 1)).toEqual(refused("too_large"));
    expect(inflate(Buffer.concat([packed, packed]), encoding, body.byteLength * 2 - 1)).toEqual(refused("too_large"));
  });

  test("a body that is cut short anywhere is corrupt", () => {
    for (let length = 0; length < packed.byteLength; length++) {
      expect(inflate(packed.subarray(0, length), encoding, MiB)).toEqual(refused("corrupt"));
      const second = Buffer.concat([packed, packed.subarray(0, length)]);
      if (length > 0) expect(inflate(second, encoding, MiB)).toEqual(refused("corrupt"));
    }
  });

  test("what follows the body is corrupt, were it one byte", () => {
    for (const garbage of ["g", "garbage!", "\x01\x02\x03\x04", '{"a":1}']) {
      expect(inflate(Buffer.concat([packed, Buffer.from(garbage)]), encoding, MiB)).toEqual(refused("corrupt"));
    }
  });

  test("the other encoding, and none, are corrupt", () => {
    const other = encoding === "gzip" ? zstdCompressSync(body) : gzipSync(body);
    expect(inflate(other, encoding, MiB)).toEqual(refused("corrupt"));
    expect(inflate(body, encoding, MiB)).toEqual(refused("corrupt"));
  });

  test("no bytes and no change of bytes throw", () => {
    const any = fc.uint8Array({ maxLength: 200 });
    fc.assert(fc.property(any, (bytes) => expect(inflate(bytes, encoding, MiB).ok).toBeBoolean()));
    const changed = fc.tuple(fc.nat({ max: packed.byteLength - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(changed, ([at, value]) => {
        expect(inflate(packed.with(at, value), encoding, MiB).ok).toBeBoolean();
      }),
    );
  });

  test("bombs are refused in less memory than one of them holds", () => {
    const bomb = compress(Buffer.alloc(256 * MiB));
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 20; round++) expect(inflate(bomb, encoding, MiB)).toEqual(refused("too_large"));
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * MiB);
  });
});

test("a changed checksum of gzip is corrupt", () => {
  const packed = gzipSync(body);
  expect(inflate(packed.with(-6, (packed.at(-6) ?? 0) ^ 1), "gzip", MiB)).toEqual(refused("corrupt"));
});

describe("zstd frames", () => {
  const pack = (params: Record<number, number>) => zstdCompressSync(body, { params });

  test.each([
    ["with a checksum", { [constants.ZSTD_c_checksumFlag]: 1 }],
    ["without their size", { [constants.ZSTD_c_contentSizeFlag]: 0 }],
    ["with their size, at the highest level", { [constants.ZSTD_c_compressionLevel]: 22 }],
    ["with a window of 8 MiB", { [constants.ZSTD_c_windowLog]: 23, [constants.ZSTD_c_contentSizeFlag]: 0 }],
  ])("%s are inflated, and not when cut short", (_what, params) => {
    const packed = pack(params);
    expect(outcome(packed, "zstd")).toEqual(body);
    expect(inflate(packed.subarray(0, -1), "zstd", MiB)).toEqual(refused("corrupt"));
  });

  test("of zeros, of noise and of many blocks are inflated", () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)));
    for (const bytes of [Buffer.alloc(500_000), noise, Buffer.concat(Array(12).fill(noise))]) {
      expect(outcome(zstdCompressSync(bytes), "zstd")).toEqual(bytes);
    }
  });

  test("that may be skipped are skipped", () => {
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(outcome(Buffer.concat([skippable, pack({}), skippable]), "zstd")).toEqual(body);
    expect(inflate(Buffer.concat([pack({}), skippable.subarray(0, -1)]), "zstd", MiB)).toEqual(refused("corrupt"));
  });

  test("that want a window of 128 MiB are too large, for a decoder takes it before it writes a byte", () => {
    const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const packed = zstdCompressSync(Buffer.alloc(130 * MiB), { params });
    expect(inflate(packed, "zstd", 200 * MiB)).toEqual(refused("too_large"));
  });
});
