/** Parameters of a statement as the arguments of SQL's EXECUTE. */
import { identifier, literal } from "../store/sql/literals.ts";

/** The arguments as SQL, or why the client's values do not fit the statement. */
type Arguments = { ok: true; text: string } | { ok: false; message: string };

/** Deepest nesting of lists; no statement needs more. */
const listDepthMax = 16;

/** Marks a value that a parameter cannot have. */
const valueRefused = Symbol("refused");

/**
 * Writes the values of a statement's parameters, each as the literal that could be in its place: a string takes the
 * type of what it is compared with, a list becomes DuckDB's list.
 */
export function argumentsFor(
  wanted: readonly string[],
  parameters: readonly unknown[] | Readonly<Record<string, unknown>>,
): Arguments {
  const given: Readonly<Record<string, unknown>> = Array.isArray(parameters)
    ? Object.fromEntries(parameters.map((value, index) => [String(index + 1), value]))
    : { ...parameters };
  const missing = wanted.filter((name) => !Object.hasOwn(given, name));
  const unused = Object.keys(given).filter((name) => !wanted.includes(name));
  if (missing.length > 0) return refused(`The statement needs a value for ${listed(missing)}`);
  if (unused.length > 0) return refused(`The statement has no parameter ${listed(unused)}`);
  const names = [...wanted].sort((a, b) => Number(a) - Number(b));
  const isByPosition = names.every((name, index) => name === String(index + 1));
  const parts: string[] = [];
  for (const name of names) {
    const text = valueText(given[name], listDepthMax);
    if (text === valueRefused)
      return refused(
        `The value for $${name} must be a string, a number, a boolean, null or a list of these; JSON can be sent as a string`,
      );
    parts.push(isByPosition ? text : `${identifier(name)} := ${text}`);
  }
  return { ok: true, text: parts.join(", ") };
}

const refused = (message: string): Arguments => ({ ok: false, message });

/** At most ten names: an error stays short. */
const listed = (names: readonly string[]) =>
  `${names
    .slice(0, 10)
    .map((name) => `$${name}`)
    .join(", ")}${names.length > 10 ? " …" : ""}`;

/** The literal of a value as it is in JSON; undefined if a parameter cannot have it. */
export function valueLiteral(value: unknown): string | undefined {
  const text = valueText(value, listDepthMax);
  return text === valueRefused ? undefined : text;
}

function valueText(value: unknown, depth: number): string | typeof valueRefused {
  if (value === null) return "NULL";
  if (typeof value === "string") return literal(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return isHuge(value) ? `'${value}'::BIGNUM` : String(value);
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : `'${value}'::DOUBLE`;
  if (!Array.isArray(value) || depth === 0) return valueRefused;
  const items: string[] = [];
  for (const item of value) {
    const text = valueText(item, depth - 1);
    if (text === valueRefused) return valueRefused;
    items.push(text);
  }
  return `[${items.join(", ")}]`;
}

/** Whether a value exceeds DuckDB's widest integer, which would make DuckDB read the digits as a DOUBLE. */
const isHuge = (value: bigint) => BigInt.asIntN(128, value) !== value;
