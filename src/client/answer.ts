/** What the service answered, as far as it decides about the events that were sent. Pure. */
import { quietly } from "./event-text.ts";

/** Whether the same request may be answered better later; 0 stands for no answer. */
export const isTemporary = (status: number): boolean =>
  status < 1 || status > 499 || status === 408 || status === 425 || status === 429;

/**
 * Places in the batch that the body of a 422 names by `loc`, which is `["body", "events", 3, …]`. None for a body in
 * another form.
 */
export const placesIn = (body: string): unknown[] =>
  quietly(() => JSON.parse(body).detail.map(({ loc }: { loc: unknown[] }) => loc[2])) ?? [];
