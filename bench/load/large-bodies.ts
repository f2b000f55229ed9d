/** Bodies of the largest size that the service takes by default, as a string and as what is slow to read. */

/** Just under the default of MILLRACE_MAX_BODY_BYTES. Bytes. */
const bodyBytes = 1_048_000;

/** A body, and whether the service accepts it. */
export type LargeBody = { name: string; body: string; isAccepted: boolean };

/** Members or items, joined by commas, that fill a body. */
function filled(make: (at: number) => string): string {
  const parts: string[] = [];
  for (let bytes = 0, at = 0; bytes < bodyBytes - 200; at += 1) {
    const part = make(at);
    parts.push(part);
    bytes += part.length + 1;
  }
  return parts.join(",");
}

const event = (properties: string) => `{"event_name":"large","properties":${properties}}`;

/** The one that the others are compared with. */
export const stringBody: LargeBody = {
  name: "a string",
  body: event(`{"text":"${"x".repeat(bodyBytes - 200)}"}`),
  isAccepted: true,
};

/** Each is of a kind that was found to hold a shard for long. */
export const slowBodies: readonly LargeBody[] = [
  { name: "numbers of one digit", body: event(`{"list":[${filled(() => "1")}]}`), isAccepted: true },
  { name: "numbers as 1.0", body: event(`{"list":[${filled(() => "1.0")}]}`), isAccepted: true },
  {
    name: "numbers of 17 digits",
    body: event(`{"list":[${filled((at) => String(0.1234567890123456 + at / 1e6))}]}`),
    isAccepted: true,
  },
  { name: "keys that are numbers", body: event(`{${filled((at) => `"${999_999 - at}":1`)}}`), isAccepted: true },
  { name: "many keys, one twice", body: event(`{"k0":0,${filled((at) => `"k${at}":1`)}}`), isAccepted: true },
  { name: "space between tokens", body: event(`{"list": [${filled(() => " 1 ")}]}`), isAccepted: true },
  { name: "a refusal", body: `{"event_name":7,"properties":{"list":[${filled(() => "{}")}]}}`, isAccepted: false },
];
