/** What a reader of the tail is sent: messages in the format of server-sent events (WHATWG HTML, 9.2). */
import { type Place, positionText } from "./position.ts";

/** An event; `json` is on one line. */
export const eventMessage = (place: Place, json: string): string =>
  `id: ${positionText(place)}\nevent: event\ndata: ${json}\n\n`;

/**
 * Events were left out here: this many, or null if that is not known. It has no id: a reader that connects again from
 * the event before it gets what was left out, as long as it is held.
 */
export const gapMessage = (missed: number | null): string => `event: gap\ndata: ${JSON.stringify({ missed })}\n\n`;

/** Says that the connection lives. */
export const comment = ":\n\n";
