/** Sends one change of an alert to its webhook. */
import { messageOf } from "../base/errors.ts";

/** What a webhook gets. */
export type AlertMessage = { alert: string; state: "firing" | "resolved"; value: number; at: string };

/** A receiver that takes longer is asked again later. ms */
const answerMsMax = 10_000;

/**
 * Posts a message; undefined: the receiver has taken it. Otherwise why not, with nothing of the URL but its host: its
 * path often is a key. A redirect is not followed, since it could lead anywhere.
 */
export async function postMessage(
  url: string,
  message: AlertMessage,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "millrace" },
      body: JSON.stringify(message),
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `${new URL(url).host} answered ${response.status}`;
  } catch (error) {
    const said = messageOf(error).replaceAll(url, new URL(url).origin);
    return `${new URL(url).host}: ${said}`;
  }
}
