/** What a request is addressed to: its `Host`, and its path in plain form. Pure. */
import { isIPv4, isIPv6 } from "node:net";

/** Longest name in the DNS (RFC 1035, 2.3.4). Characters. */
const hostCharsMax = 253;

const portMax = 65_535;

const hostAndPort = /^(?:\[([0-9A-Fa-f:.]+)\]|((?:[\w-]+\.)*[\w-]+)\.?)(?::(\d{0,5}))?$/;

/** A name that ends like this is read as an IPv4 address by every URL parser (WHATWG URL, 4.5). */
const endsInNumber = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i;

/**
 * Whether a `Host` header is a name or an address, with an optional port. International names are in their ASCII form.
 */
export function isHost(value: string): boolean {
  const [, address, name = "", port = ""] = hostAndPort.exec(value) ?? [];
  if (Number(port) > portMax) return false;
  if (address !== undefined) return isIPv6(address);
  return name !== "" && name.length <= hostCharsMax && (!endsInNumber.test(name) || isIPv4(name));
}

/** The same judgement of a string. It remembers the last one that was good, which costs no work when it comes again. */
export function rememberingLast(isGood: (value: string) => boolean): (value: string) => boolean {
  let last: string | undefined;
  return (value) => {
    if (value === last) return true;
    if (!isGood(value)) return false;
    last = value;
    return true;
  };
}

/**
 * Characters that need no escape in a path (RFC 3986, 3.3), so that every reader understands the path in the same way.
 */
const plainSegment = /^[\w.~!$&'()*+,;=:@-]*$/;

/** Whether a segment of a path is in plain form: no escapes, and not `.` or `..`. */
export const isPlainSegment = (segment: string) => segment !== "." && segment !== ".." && plainSegment.test(segment);

/**
 * The path of a request's URL if it is in plain form: no escapes, no dot segments, no empty segment but the last.
 * Undefined if it is not. The runtime resolves dot segments before the URL can be read, so they are found elsewhere
 * (`unknown-paths.ts`).
 */
export function plainPathOf(url: string): string | undefined {
  const path = /^(?:[a-z]+:\/\/[^/?#]*)?(\/[^?]*)/.exec(url)?.[1];
  if (path === undefined) return undefined;
  const segments = path.slice(1).split("/");
  const isPlain = segments.every(
    (segment, index) => isPlainSegment(segment) && (segment !== "" || index === segments.length - 1),
  );
  return isPlain ? path : undefined;
}
