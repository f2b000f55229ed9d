/** Finds the fields of an event in a body without parsing it. */
import { closeObject, letterN, openObject } from "../../base/ascii.ts";
import { invariant } from "../../base/invariant.ts";
import { type EventFieldName, type SentName, type StringName, sentNames, stringNames } from "../fields.ts";
import { labelOf } from "../line/row.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { keyHash } from "./key-hash.ts";

/** A field of an event: its key, and the offsets of its value, `to` exclusive. */
export class Field {
  readonly key: Buffer;
  /** What a line has before the value. */
  readonly label: Buffer;
  isThere = false;
  isNull = false;
  from = 0;
  to = 0;
  /** The value's first byte. */
  first = 0;
  /** Whether a string in the value has an escape that JSON.stringify may write differently. */
  isRespelled = false;

  constructor(name: EventFieldName) {
    this.key = Buffer.from(name);
    this.label = Buffer.from(labelOf(name));
  }

  /** Whether the field is there and not null. */
  get hasValue(): boolean {
    return this.isThere && !this.isNull;
  }
}

/** The fields of one event at a time. */
export class EventFields implements Record<Exclude<EventFieldName, StringName>, Field> {
  readonly event_name = new Field("event_name");
  readonly category = new Field("category");
  readonly priority = new Field("priority");
  readonly properties = new Field("properties");
  readonly timestamp = new Field("timestamp");
  readonly event_id = new Field("event_id");
  /** The fields that are a string or null. */
  readonly strings: readonly Field[] = stringNames.map((name) => new Field(name));
  /** What the client sent, without the fields of a line's head, in the order of a line. */
  readonly sent: readonly Field[];
  /** Whether there is space between the tokens of `properties`. */
  propertiesHaveSpace = false;
  /** Whether a number in `properties` has a plus before its exponent that JSON.stringify writes the same. */
  propertiesHavePlus = false;

  readonly #scanner: JsonScanner;
  readonly #all: readonly Field[];
  /** Fields whose bytes are compared here, not only copied. No encoder escapes a character of their values. */
  readonly #compared: readonly Field[] = [this.category, this.priority, this.event_id];
  readonly #ofHash: ReadonlyMap<number, Field>;

  constructor(scanner: JsonScanner) {
    this.#scanner = scanner;
    this.#all = [...Object.values(this).filter((each): each is Field => each instanceof Field), ...this.strings];
    this.#ofHash = new Map(this.#all.map((each) => [keyHash(each.key), each]));
    invariant(this.#ofHash.size === this.#all.length, "no two names of fields have the same hash");
    invariant(sentNames.at(-1) === "properties", "properties end a line, so that they can be put in quotes");
    this.sent = sentNames.map((name) => this.#named(name));
  }

  #named(name: SentName): Field {
    const field = this.#ofHash.get(keyHash(Buffer.from(name)));
    invariant(field !== undefined, "each field that a client sends is looked for");
    return field;
  }

  /**
   * Steps over an event and finds its fields. Returns false where the scanner accepts none. Makes the scanner not plain
   * for a field that is there twice, an escape in a field that is compared here, and a key with escapes that may be a
   * field's. What is ignored may be anything.
   */
  scan(): boolean {
    const scanner = this.#scanner;
    for (const each of this.#all) each.isThere = false;
    let goesOn = scanner.enter(openObject, closeObject);
    while (goesOn === true) {
      const hash = scanner.key();
      if (hash === undefined) return false;
      const named = this.#ofHash.get(hash);
      const field = named !== undefined && scanner.keyIs(named.key) ? named : undefined;
      if (named !== undefined && scanner.isKeyRespelled) scanner.isPlain = false;
      const first = scanner.peek();
      const from = scanner.at;
      scanner.hasSpace = false;
      scanner.isRespelled = false;
      scanner.hasPlus = false;
      const wasPlain = scanner.isPlain;
      if (!scanner.value()) return false;
      if (field === undefined) scanner.isPlain = wasPlain;
      else {
        if (field.isThere) scanner.isPlain = false;
        field.isThere = true;
        field.isNull = first === letterN;
        field.first = first;
        field.from = from;
        field.to = scanner.at;
        field.isRespelled = scanner.isRespelled;
        if (field === this.properties) {
          this.propertiesHaveSpace = scanner.hasSpace;
          this.propertiesHavePlus = scanner.hasPlus;
        }
      }
      goesOn = scanner.next(closeObject);
    }
    for (const each of this.#compared) if (each.isThere && each.isRespelled) scanner.isPlain = false;
    return goesOn === false;
  }
}
