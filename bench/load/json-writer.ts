/** Writes JSON as the encoders of several languages do: which characters they escape, and how they spell numbers. */

/** A number that its client holds as a double, also where it is whole. */
export class Real {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** How an encoder spells doubles. All of them write the shortest digits that read back the same. */
export type RealRules = {
  /** The least power of ten that is written with an exponent, and the greatest negative one. */
  exponentFrom: number;
  exponentUpTo: number;
  /** The mark, with the plus if a positive exponent has one. */
  mark: "e+" | "E+" | "E";
  /** Digits that an exponent has at least. */
  exponentDigits: number;
  /** Whether `.0` follows a single digit before an exponent, and a whole number without one. */
  zeroBeforeExponent: boolean;
  zeroAfterWhole: boolean;
};

/** How an encoder writes JSON. */
export type WriterRules = {
  /** Whether a space follows each colon and comma. */
  spaces: boolean;
  sortsKeys: boolean;
  /** What each character is written as; undefined if as it is. */
  escape(char: string): string | undefined;
  real: RealRules;
  /** What a whole number that is not a `Real` is written as. */
  whole(value: number | bigint): string;
};

/** Writes a value of JSON whose numbers are `Real`s and whole numbers. */
export function writeJson(value: unknown, rules: WriterRules): string {
  const comma = rules.spaces ? ", " : ",";
  if (Array.isArray(value)) return `[${value.map((item) => writeJson(item, rules)).join(comma)}]`;
  if (value instanceof Real) return writeReal(value.value, rules.real);
  if (typeof value === "bigint" || typeof value === "number") return rules.whole(value);
  if (typeof value === "string") return writeString(value, rules);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value);
  if (rules.sortsKeys) members.sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)));
  const colon = rules.spaces ? ": " : ":";
  return `{${members.map(([key, item]) => writeString(key, rules) + colon + writeJson(item, rules)).join(comma)}}`;
}

function writeString(text: string, rules: WriterRules): string {
  return `"${[...text].map((char) => rules.escape(char) ?? char).join("")}"`;
}

function writeReal(value: number, rules: RealRules): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "", power = ""] = Math.abs(value).toExponential().split("e");
  const exponent = Number(power);
  if (value !== 0 && (exponent >= rules.exponentFrom || exponent <= rules.exponentUpTo)) {
    const zero = rules.zeroBeforeExponent && !mantissa.includes(".") ? ".0" : "";
    const mark = exponent < 0 ? `${rules.mark.slice(0, 1)}-` : rules.mark;
    return sign + mantissa + zero + mark + String(Math.abs(exponent)).padStart(rules.exponentDigits, "0");
  }
  const digits = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  if (fraction !== "") return `${sign}${whole}.${fraction}`;
  return sign + whole + (rules.zeroAfterWhole ? ".0" : "");
}
