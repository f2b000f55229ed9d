/** Which form of a file a browser gets, and whether it has that form already. */

/** A form in which a file is sent. */
type Coding = "gzip" | "identity";

/**
 * The form that the request prefers, by `Accept-Encoding` with its weights (RFC 9110, 12.5.3). A request that accepts
 * neither gets the file as it is.
 */
export function codingFor({ headers }: Request): Coding {
  const named = (headers.get("accept-encoding") ?? "").split(",").map((entry) => {
    const [name = "", ...options] = entry.split(";").map((part) => part.trim().toLowerCase());
    const weight = options.find((option) => option.startsWith("q="));
    return { name, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
  });
  const weightOf = (...names: string[]) => named.find(({ name }) => names.includes(name))?.weight;
  const gzip = weightOf("gzip", "x-gzip") ?? weightOf("*") ?? 0;
  // What is not named is acceptable, and less wanted than what is.
  return gzip > 0 && gzip >= (weightOf("identity") ?? 0) ? "gzip" : "identity";
}

/**
 * The tag of one form of a file. Each form has different bytes, so a strong tag belongs to one of them alone (RFC 9110,
 * 8.8.3.3).
 */
export const tagInCoding = (entityTag: string, coding: Coding): string =>
  coding === "identity" ? entityTag : `${entityTag.slice(0, -1)}-${coding}"`;

/**
 * Whether the browser has what this tag names, by `If-None-Match`: a list, compared weakly (RFC 9110, 13.1.2). A proxy
 * that compresses makes the tag weak, and the browser returns it as `W/"…"`.
 */
export function hasAlready({ headers }: Request, entityTag: string): boolean {
  const known = headers.get("if-none-match")?.trim();
  if (known === undefined) return false;
  return known === "*" || [...known.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === entityTag);
}
