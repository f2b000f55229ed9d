/** The token: pasted once, kept for the tab, sent in a header alone. */
import { Cell } from "../state/cell.ts";

const storageKey = "millrace.token";

/** The token of this tab; an empty string without one. */
export const token: Cell<string> = new Cell(sessionStorage.getItem(storageKey) ?? "");

/** Why the door is shown again: what the service said about the last token. */
export const tokenRefusal: Cell<string | undefined> = new Cell<string | undefined>(undefined);

/** Keeps a token for this tab. A line that was copied with its header counts, too. */
export function keepToken(pasted: string): void {
  const given = pasted.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
  tokenRefusal.value = undefined;
  sessionStorage.setItem(storageKey, given);
  token.value = given;
}

/** Forgets the token; `refusal` says why, if it was not asked for. */
export function forgetToken(refusal?: string): void {
  tokenRefusal.value = refusal;
  sessionStorage.removeItem(storageKey);
  token.value = "";
}
