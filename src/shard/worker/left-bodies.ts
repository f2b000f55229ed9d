/**
 * Bodies that would hold the shard for too long: the parser's thread turns them into lines, and the shard admits these
 * like any others. Meanwhile the shard serves other requests.
 */
import { formNamed } from "../../event/forms.ts";
import { timestampOfMs } from "../../event/timestamp.ts";
import type { Misfits } from "../../schema/set.ts";
import type { AppendRequest, LeftBody, ParsedBody } from "../protocol.ts";
import type { Admission } from "./admission.ts";
import type { Admitted } from "./admitted.ts";

/** What a shard gives for its left bodies. */
type LeftBodiesGiven = {
  /** Parses a body elsewhere; undefined: not now. The body's memory moves away. */
  parse: (left: LeftBody) => Promise<ParsedBody | undefined>;
  admit: Admission["admit"];
  onMisfits: (misfits: Misfits) => void;
};

/** The bodies of one shard that are parsed elsewhere. */
export class LeftBodies {
  readonly #given: LeftBodiesGiven;
  readonly #waiting = new Set<LeftBody>();

  constructor(given: LeftBodiesGiven) {
    this.#given = given;
  }

  /** When the oldest body that is still parsed was received; undefined when there is none. ms since 1970 */
  get oldestMs(): number | undefined {
    return this.#waiting.size === 0 ? undefined : Math.min(...this.#waiting.values().map((each) => each.receivedAtMs));
  }

  /** Has a body parsed, and admits its rows. `bytes`, inflated, are copied before this returns. */
  async admit({ form, subject }: AppendRequest, bytes: Uint8Array, receivedAtMs: number): Promise<Admitted> {
    const left: LeftBody = { body: new Uint8Array(bytes), form, subject, receivedAtMs };
    this.#waiting.add(left);
    try {
      const parsed = await this.#given.parse(left);
      if (parsed === undefined) return { kind: "overloaded", reason: "queue_full" };
      for (const misfits of parsed.misfits) this.#given.onMisfits(misfits);
      if (parsed.kind === "answer") return parsed.answer;
      const { rows, refused } = parsed;
      const lines = Buffer.from(parsed.lines.buffer);
      const linesBytes = lines.byteLength;
      const receivedAt = timestampOfMs(receivedAtMs);
      // Joins its group before it leaves the waiting ones: no watermark can overtake it.
      const times = { receivedAt, receivedAtMs };
      return this.#given.admit({ kind: "rows", form: formNamed(form), ...times, rows, lines, linesBytes, refused });
    } finally {
      this.#waiting.delete(left);
    }
  }
}
