/** Ids of events. */

/** Random hexadecimal digits, made for 64 ids at once: asking for them costs more than all the rest of an id. */
let random = "";

/** A UUIDv7 (RFC 9562) of this moment. Its 72 random bits are new for each. */
export function eventId(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, "0");
  random = random.slice(18);
  if (random === "")
    for (const word of crypto.getRandomValues(new Uint16Array(288))) random += (word | 65536).toString(16).slice(1);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}
