/** What every refusal has in common. */
import { expect } from "bun:test";
import { refusal, shaped } from "./answers.ts";

/** An answer whose body has been read. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Expects a refusal under `status`, as `expectWellRefused` has it. */
export async function expectRefused(response: Response, status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 503) {
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status });
  expectWellRefused({ status, headers: response.headers, text });
}

/**
 * Expects `{"detail"}` and nothing else, with the header that the contract puts beside its status, and nothing of the
 * service's insides.
 */
export function expectWellRefused({ status, headers, text }: ReadAnswer) {
  expect(headers.get("content-type")).toStartWith("application/json");
  shaped(refusal, JSON.parse(text));
  expectNoInsides(text);
  if (status === 401) expect(headers.get("www-authenticate")).toStartWith("Bearer");
  if (status === 429 || status === 503) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
}

/** Expects text for strangers to show no stack, no path of the machine and no SQL. */
export function expectNoInsides(text: string) {
  expect(text).not.toMatch(/\bat .*:\d+:\d+|node_modules|\/src\/|\/tmp\/|\.duckdb|\.ndjson|SELECT |Error:/);
}

/** Expects a message for the person who runs the service: words, not a stack. */
export function expectPlainWords(text: string) {
  expect(text.trim()).not.toBe("");
  expect(text).not.toMatch(/\n\s+at .+:\d+:\d+|\n\s+at .+\(unknown\)|undefined|\[object Object\]/);
}
