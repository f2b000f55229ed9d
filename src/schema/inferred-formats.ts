/** Formats of strings that an inferred schema may name, judged by the functions that will check them. */
import { fullFormats } from "ajv-formats/dist/formats.js";

const names = ["date-time", "uuid", "uri"] as const;

/** A format that all strings at a place may have. */
export type InferredFormat = (typeof names)[number];

/** Those of `left` (at first: of all) that the string has, too. */
export function formatsOf(text: string, left: readonly InferredFormat[] = names): readonly InferredFormat[] {
  return left.length === 0 ? left : left.filter((name) => hasFormat(name, text));
}

function hasFormat(name: InferredFormat, text: string): boolean {
  const format: unknown = fullFormats[name];
  if (format instanceof RegExp) return format.test(text);
  if (typeof format === "function") return format(text) === true;
  const { validate } = Object(format);
  return typeof validate === "function" && validate(text) === true;
}
