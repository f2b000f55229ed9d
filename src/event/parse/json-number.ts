/** How a JSON number is spelled, judged by its bytes. */
import { digit0 } from "../../base/ascii.ts";

/** Offsets of a number's parts; each end is exclusive. */
type NumberPlaces = {
  start: number;
  /** Where its whole part begins, after the minus if there is one. */
  whole: number;
  wholeEnd: number;
  /** Equals `wholeEnd` if there is no fraction. */
  fractionEnd: number;
  end: number;
};

/** From this many characters on, a number may have more digits than a double. */
export const longNumberChars = 16;

/** From this many zeros after the point on, JavaScript writes an exponent. */
const smallZeros = 6;

/**
 * "usual": JSON.stringify writes the number the same; "plus": the same, with a plus in its exponent; "own":
 * differently. Only long numbers and exponents are converted to strings and compared.
 */
export function spellingOf(bytes: Buffer, number: NumberPlaces): "usual" | "plus" | "own" {
  const { start, whole, wholeEnd, fractionEnd, end } = number;
  if (fractionEnd > wholeEnd) {
    if (bytes[fractionEnd - 1] === digit0) return "own";
    if (bytes[whole] === digit0 && zerosFrom(bytes, wholeEnd + 1, fractionEnd) >= smallZeros) return "own";
  } else if (bytes[whole] === digit0 && whole > start) return "own";
  if (end === fractionEnd && end - start < longNumberChars) return "usual";
  const text = bytes.toString("latin1", start, end);
  if (String(Number(text)) !== text) return "own";
  return text.includes("e+") ? "plus" : "usual";
}

function zerosFrom(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === digit0) at += 1;
  return at - from;
}
