/**
 * Requests and answers as they cross between threads: one byte array there, one text back.
 *
 * A message costs by the number of its values, not by its bytes: fifty requests as arrays of fields took 21 us to post,
 * as one byte array 5 us.
 *
 * Requests are frames, end to end: size of the body (u32), form and encoding (u8 each), bytes of the subject (u16, all ones
 * for none), the subject in UTF-8, the body; little-endian. Answers are lines: a letter for the kind, then its text.
 */
import type { OverloadReason } from "../base/errors.ts";
import { invariant, unreachable } from "../base/invariant.ts";
import type { AppendAnswer, AppendRequest } from "./protocol.ts";

const headBytes = 8;
const noSubject = 0xffff;
const forms = ["event", "batch"] as const;
const encodings = ["identity", "gzip", "zstd"] as const;

/** Longest subject that a frame can carry, in UTF-8. Bytes. */
export const subjectBytesMax = noSubject - 1;

/** Packs requests, in their order. */
export function packRequests(requests: readonly AppendRequest[]): Uint8Array<ArrayBuffer> {
  let bytes = 0;
  for (const { subject, body } of requests) bytes += headBytes + (subject?.byteLength ?? 0) + body.byteLength;
  const packed = new Uint8Array(bytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { subject, body, form, encoding } of requests) {
    view.setUint32(at, body.byteLength, true);
    view.setUint8(at + 4, forms.indexOf(form));
    view.setUint8(at + 5, encodings.indexOf(encoding));
    view.setUint16(at + 6, subject === null ? noSubject : subject.byteLength, true);
    at += headBytes;
    if (subject !== null) packed.set(subject, at);
    at += subject?.byteLength ?? 0;
    packed.set(body, at);
    at += body.byteLength;
  }
  return packed;
}

/** Unpacks what `packRequests` packed; bodies and subjects are views of `packed`. */
export function* unpackRequests(packed: Uint8Array): Generator<AppendRequest> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  while (at < packed.byteLength) {
    const bodyBytes = view.getUint32(at, true);
    const form = forms[view.getUint8(at + 4)];
    const encoding = encodings[view.getUint8(at + 5)];
    invariant(form !== undefined && encoding !== undefined, "a frame names its form and its encoding");
    const subjectBytes = view.getUint16(at + 6, true);
    at += headBytes;
    const subject = subjectBytes === noSubject ? null : packed.subarray(at, at + subjectBytes);
    at += subject?.byteLength ?? 0;
    yield { form, encoding, subject, body: packed.subarray(at, at + bodyBytes) };
    at += bodyBytes;
  }
}

/** Packs answers, in their order; no text of an answer has a line end. */
export function packAnswers(answers: readonly AppendAnswer[]): string {
  return answers.map(lineOf).join("\n");
}

function lineOf(answer: AppendAnswer): string {
  switch (answer.kind) {
    case "accepted":
      return `a${answer.body}`;
    case "invalid":
      return `i${answer.body}`;
    case "too_large":
      return "l";
    case "not_inflated":
      return "n";
    case "overloaded":
      return `o${answer.reason}`;
    default:
      return unreachable(answer);
  }
}

/** Unpacks what `packAnswers` packed. */
export const unpackAnswers = (packed: string): AppendAnswer[] => packed.split("\n").map(answerOfLine);

function answerOfLine(line: string): AppendAnswer {
  switch (line[0]) {
    case "a":
      return { kind: "accepted", body: line.slice(1) };
    case "i":
      return { kind: "invalid", body: line.slice(1) };
    case "l":
      return { kind: "too_large" };
    case "n":
      return { kind: "not_inflated" };
    default:
      return { kind: "overloaded", reason: line.slice(1) as OverloadReason };
  }
}
