/** Requests whose bytes are made once, before the load: sending one costs no more than a write. */
import { idPlace } from "./events.ts";

const hexDigits = Buffer.from("0123456789abcdef");

/**
 * Where the digits of an id lie that differ from one to the next: all but the two that tell its kind, and the run's
 * tag.
 */
const scatteredPlaces = [0, 1, 2, 3, 4, 5, 6, 7];
const furtherPlaces = [9, 10, 11, 12, 15, 16, 17];
const tagPlace = 24;

/** Where requests go, and as whom. */
export type Destination = {
  /** Host and port. */
  host: string;
  path: string;
  /** Sent as a bearer token. */
  token: string;
};

/** Makes ids that no other of this run has, each scattered like a random UUID. */
export class IdWriter {
  readonly #tag: Buffer;
  #made = 0;

  /** `runTag`: twelve hexadecimal digits, another for each run. */
  constructor(runTag: string) {
    if (!/^[0-9a-f]{12}$/.test(runTag)) throw new RangeError(`not twelve hexadecimal digits: ${runTag}`);
    this.#tag = Buffer.from(runTag);
  }

  /** Writes the next id over the 36 bytes from `offset`, which hold `idPlace` or an earlier id. */
  write(bytes: Buffer, offset: number): void {
    this.#made += 1;
    // One to one, so the first eight digits alone differ for four thousand million ids.
    writeDigits(bytes, { offset, places: scatteredPlaces, value: scatter(this.#made) });
    writeDigits(bytes, { offset, places: furtherPlaces, value: scatter(~this.#made) });
    this.#tag.copy(bytes, offset + tagPlace);
  }
}

/** One request, with the places of the ids that its client makes. */
export class Template {
  readonly #bytes: Buffer;
  readonly #places: readonly number[];

  constructor(body: string, { host, path, token }: Destination) {
    const header = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      `Authorization: Bearer ${token}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ].join("\r\n");
    this.#bytes = Buffer.from(`${header}\r\n\r\n${body}`);
    this.#places = placesIn(this.#bytes);
  }

  /** The bytes to send now: the same memory each time, with fresh ids in it. */
  next(ids: IdWriter): Buffer {
    for (const place of this.#places) ids.write(this.#bytes, place);
    return this.#bytes;
  }
}

function placesIn(bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(idPlace); at >= 0; at = bytes.indexOf(idPlace, at + idPlace.length)) places.push(at);
  return places;
}

/** The last mixing of MurmurHash3: one to one on 32 bits. */
function scatter(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function writeDigits(
  bytes: Buffer,
  { offset, places, value }: { offset: number; places: readonly number[]; value: number },
): void {
  let rest = value;
  for (const place of places) {
    bytes[offset + place] = hexDigits[rest & 15] ?? 0;
    rest >>>= 4;
  }
}
