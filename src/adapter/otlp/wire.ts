/** Reads the wire format of protobuf (protobuf.dev/programming-guides/encoding): fields, without a schema. */

/** Bytes that are not protobuf. */
export class ProtobufInvalid extends Error {
  override readonly name = "ProtobufInvalid";
}

/** A field's value: a whole number (varint, 64 or 32 bits, unsigned), or bytes. */
export type Field = { number: number; value: bigint | Buffer };

/** Longest varint. Bytes. */
const varintBytesMax = 10;

/**
 * The fields of a message, in their order.
 * @throws ProtobufInvalid
 */
export function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let count = 0; count < varintBytesMax; count++) {
      const byte = message[at++];
      if (byte === undefined) throw new ProtobufInvalid("it ends within a number");
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufInvalid("a number is longer than ten bytes");
  };
  const bytes = (count: number): Buffer => {
    if (count > message.length - at) throw new ProtobufInvalid("a field is longer than what holds it");
    at += count;
    return message.subarray(at - count, at);
  };
  while (at < message.length) {
    const tag = Number(varint() & 0xffff_ffffn);
    const number = tag >>> 3;
    if (number === 0) throw new ProtobufInvalid("a field has the number 0");
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes(8).readBigUInt64LE() };
        break;
      case 2:
        yield { number, value: bytes(Number(varint())) };
        break;
      case 5:
        yield { number, value: BigInt(bytes(4).readUInt32LE()) };
        break;
      default:
        throw new ProtobufInvalid(`a field has the wire type ${tag & 7}`);
    }
  }
}

/**
 * A field's bytes.
 * @throws ProtobufInvalid if it is a number
 */
export function bytesOf(value: Field["value"]): Buffer {
  if (typeof value === "bigint") throw new ProtobufInvalid("a field is a number, and should be bytes");
  return value;
}

/**
 * A field's number.
 * @throws ProtobufInvalid if it is bytes
 */
export function numberOf(value: Field["value"]): bigint {
  if (typeof value !== "bigint") throw new ProtobufInvalid("a field is bytes, and should be a number");
  return value;
}
