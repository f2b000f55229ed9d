/** Turns the bodies that shards leave to the parser's thread into lines, exactly as a shard would. */
import { invariant } from "../../base/invariant.ts";
import { collectAfter } from "../../base/release.ts";
import { timestampOfMs } from "../../event/timestamp.ts";
import type { Misfits, SchemaSource } from "../../schema/set.ts";
import type { LeftBody, ParsedBody } from "../protocol.ts";
import { Ingest } from "../worker/ingest.ts";
import { PropertyChecks } from "../worker/property-checks.ts";

/** Parses one body after another. */
export class BodyParser {
  #misfits: Misfits[] = [];
  readonly #checks = new PropertyChecks((misfits) => this.#misfits.push(misfits));
  readonly #ingest = new Ingest({ checks: this.#checks, unusualBytesMax: Number.POSITIVE_INFINITY });

  /** From the next body on, properties must fit these schemas. */
  useSchemas(source: SchemaSource | undefined): Promise<void> {
    return this.#checks.use(source);
  }

  /** Returns what a body becomes, whatever that takes. The lines have memory of their own. */
  parse({ body, form, subject, receivedAtMs }: LeftBody): ParsedBody {
    const context = { receivedAt: timestampOfMs(receivedAtMs), receivedAtMs, bodyBytesMax: body.byteLength };
    const ingested = this.#ingest.ingest({ body, form, subject, encoding: "identity" }, context);
    collectAfter(this.#ingest.takeBytesLeft());
    const misfits = this.#misfits;
    this.#misfits = [];
    invariant(ingested.kind !== "left", "the parser's thread leaves no body to another");
    if (ingested.kind !== "rows") return { misfits, kind: "answer", answer: ingested };
    const { rows, lines, linesBytes, refused } = ingested;
    return { misfits, kind: "rows", rows, lines: new Uint8Array(lines.subarray(0, linesBytes)), refused };
  }
}
