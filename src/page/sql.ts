/** Values as SQL. Everything that the page writes into a statement goes through here. Pure. */

/** A string as a literal. DuckDB knows no escape but the doubled quote; U+0000 cannot stand in a statement. */
export const literal = (value: string): string =>
  value.includes("\0")
    ? `(${value
        .split("\0")
        .map((part) => quoted(part, "'"))
        .join(" || chr(0) || ")})`
    : quoted(value, "'");

/** An instant as a literal, to the millisecond. */
export const instant = (ms: number): string =>
  `TIMESTAMPTZ '${new Date(ms).toISOString().replace("T", " ").replace(".000Z", "+00").replace("Z", "+00")}'`;

const quoted = (value: string, quote: string) => `${quote}${value.replaceAll(quote, quote + quote)}${quote}`;

/** A whole number, not negative, as its digits. */
export const digits = (value: number): string => String(Math.trunc(value));

/** A name of a column, view or macro, quoted. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
