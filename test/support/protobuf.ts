/** Writes OpenTelemetry's log records in the wire format of protobuf, for tests. */

/** A field: its number, and a message, a string, bytes, a varint, or eight bytes little-endian. */
export type ProtobufField = readonly [number, ProtobufValue];
type ProtobufValue = readonly ProtobufField[] | string | Uint8Array | bigint | { readonly fixed64: bigint };

/** The bytes of a message. */
export function protobuf(fields: readonly ProtobufField[]): Buffer {
  return Buffer.concat(fields.flatMap(([number, value]) => field(number, value)));
}

function field(number: number, value: ProtobufValue): Buffer[] {
  const tag = (wire: bigint) => varint((BigInt(number) << 3n) | wire);
  if (typeof value === "bigint") return [tag(0n), varint(BigInt.asUintN(64, value))];
  if (typeof value === "object" && "fixed64" in value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value.fixed64);
    return [tag(1n), bytes];
  }
  const bytes =
    typeof value === "string" ? Buffer.from(value) : value instanceof Uint8Array ? Buffer.from(value) : protobuf(value);
  return [tag(2n), varint(BigInt(bytes.length)), bytes];
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
