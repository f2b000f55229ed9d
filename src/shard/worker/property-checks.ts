/** The schemas that a thread checks properties by, and the events of a body that did not fit. */
import type { Misfits, SchemaSet, SchemaSource } from "../../schema/set.ts";

/** The schemas of one thread. */
export class PropertyChecks {
  readonly #onMisfits: (misfits: Misfits) => void;
  #set: SchemaSet | undefined;

  /** `onMisfits` counts and logs what did not fit. */
  constructor(onMisfits: (misfits: Misfits) => void) {
    this.#onMisfits = onMisfits;
  }

  /** The schemas that count now; undefined: there are none. */
  get set(): SchemaSet | undefined {
    return this.#set;
  }

  /** Replaces the schemas. The validator is loaded with the first of them. */
  async use(source: SchemaSource | undefined): Promise<void> {
    if (source === undefined) this.#set = undefined;
    else {
      const { SchemaSet } = await import("../../schema/set.ts");
      this.#set = new SchemaSet(source, this.#set);
    }
  }

  /** Forgets the events that did not fit since the last call: their body is validated again. */
  forget(): void {
    this.#set?.takeMisfits();
  }

  /**
   * Passes on the events that did not fit since the last call. With `warn`, those of a body that was refused for
   * another reason do not count: it is sent again.
   */
  settle(outcome: "accepted" | "refused"): void {
    const misfits = this.#set?.takeMisfits() ?? [];
    const isRefused = this.#set?.mode === "enforce";
    if (misfits.length === 0 || (!isRefused && outcome === "refused")) return;
    this.#onMisfits({ misfits, isRefused });
  }
}
