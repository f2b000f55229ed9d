/**
 * The values of `--param`, put in the place of `$name`. They are written as literals and not bound, because most kinds
 * of statement take no bound parameters, and a literal takes the type of what it is compared with.
 */
import { ConfigInvalid } from "../base/errors.ts";
import { valueLiteral } from "../query/parameters.ts";
import { wordsOf } from "../query/sql-text.ts";
import { literal } from "../store/sql/literals.ts";

/** Values by the name of their parameter. */
export class SqlValues {
  readonly #literals: ReadonlyMap<string, string>;
  readonly #unused: Set<string>;

  private constructor(literals: ReadonlyMap<string, string>) {
    this.#literals = literals;
    this.#unused = new Set(literals.keys());
  }

  /**
   * Reads each `NAME=VALUE`. A value that begins with `[` or `"` is JSON, a list or a string; any other is a string as
   * it is.
   * @throws ConfigInvalid for what is none, or for a name that comes twice
   */
  static read(given: readonly string[]): SqlValues {
    const literals = new Map<string, string>();
    for (const each of given) {
      const [, name, value] = /^\$?(\w+)=(.*)$/s.exec(each) ?? [];
      if (name === undefined || value === undefined)
        throw new ConfigInvalid([`--param ${each}: must be NAME=VALUE, for a $NAME of a statement`]);
      if (literals.has(name)) throw new ConfigInvalid([`--param ${name}: is given twice`]);
      literals.set(name, literalOf(name, value));
    }
    return new SqlValues(literals);
  }

  /** A statement with the values in it. A `$name` without a value stays, and DuckDB says that it needs one. */
  fill(statement: string): string {
    if (this.#literals.size === 0) return statement;
    let filled = "";
    let isMarked = false;
    for (const [word] of wordsOf(statement)) {
      const value = isMarked ? this.#literals.get(word) : undefined;
      if (value === undefined) filled += word;
      else {
        filled = filled.slice(0, -1) + value;
        this.#unused.delete(word);
      }
      isMarked = word === "$";
    }
    return filled;
  }

  /** Names that no statement had so far. */
  get unused(): string[] {
    return [...this.#unused];
  }
}

function literalOf(name: string, text: string): string {
  if (!/^\s*["[]/.test(text)) return literal(text);
  const value = valueLiteral(parsed(name, text));
  if (value !== undefined) return value;
  throw new ConfigInvalid([`--param ${name}: a list holds strings, numbers, booleans, null or such lists`]);
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text, (_key, value, { source }) =>
      typeof value === "number" && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value,
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConfigInvalid([`--param ${name}: begins as JSON and is none: ${error.message}`]);
  }
}
