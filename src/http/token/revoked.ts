/** Tokens that an operator has revoked before they expire: the file of `MILLRACE_REVOKED`. */
import { ContentRefused } from "../../base/watched-content.ts";

/** What is revoked: single tokens by `jti`, and all tokens of a subject. */
export type Revoked = { readonly jti: ReadonlySet<string>; readonly sub: ReadonlySet<string> };

/** Without a file. */
export const nothingRevoked: Revoked = { jti: new Set(), sub: new Set() };

/** Four hundred thousand usual lines; parsing them takes 0.1 s. Bytes. */
export const revokedBytesMax = 16 * 1024 * 1024;

/**
 * Parses one `jti:VALUE` or `sub:VALUE` a line. Empty lines and those that begin with `#` are skipped. White space
 * around a value does not count, so that a space at the end of a line lets nobody in.
 * @throws ContentRefused that names the first line which is neither
 */
export function parseRevoked(text: string): Revoked {
  const revoked = { jti: new Set<string>(), sub: new Set<string>() };
  for (const [index, line] of text.split("\n").entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [, kind, value = ""] = /^(jti|sub):(.*)$/s.exec(trimmed) ?? [];
    if (value.trim() === "") throw new ContentRefused(`line ${index + 1} must be jti:VALUE or sub:VALUE`);
    revoked[kind === "jti" ? "jti" : "sub"].add(value.trim());
  }
  return revoked;
}

/** What names a token in the list; null: it has none. */
export type Revocable = { jti: string | null; subject: string | null };

/** Whether a token is revoked, by its `jti` or by its subject. */
export const isRevoked = ({ jti, sub }: Revoked, token: Revocable): boolean =>
  (token.jti !== null && jti.has(token.jti.trim())) || (token.subject !== null && sub.has(token.subject.trim()));
