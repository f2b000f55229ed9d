/**
 * Sends the events on standard input, one JSON object a line, in batches of 100. Each batch is sent again until it is
 * acknowledged. Each event gets an id before it is first sent, so it is stored once, however often it arrives.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const url = process.env["MILLRACE_URL"] ?? "http://127.0.0.1:3000";
const token = process.env["TOKEN"];
if (token === undefined) throw new Error("set TOKEN: bun run millrace token --subject me");

/** The body or the token is wrong: another try would be answered the same. */
class Refused extends Error {}

/** The most that a batch may have. */
const batchEventsMax = 100;

/** Past this many tries the service has been away for a minute, and a person should know. */
const triesMax = 12;

/** Longest wait between two tries. ms */
const pauseMsMax = 10_000;

const text = await new Response(process.stdin).text();
const events = text
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => ({ event_id: randomUUID(), ...JSON.parse(line) }));

for (let first = 0; first < events.length; first += batchEventsMax) {
  const answer = await send(
    JSON.stringify({ events: events.slice(first, first + batchEventsMax), client_id: "example" }),
  );
  console.log(`${answer.events_queued} events acknowledged, ${answer.events_duplicate} of them known before`);
}

/** Sends one body until it is answered for good. */
async function send(body) {
  for (let attempt = 1; ; attempt += 1) {
    const { answer, waitMs } = await trySend(body, attempt);
    if (answer !== undefined) return answer;
    if (attempt === triesMax) throw new Error(`not acknowledged after ${triesMax} tries`);
    await sleep(waitMs);
  }
}

/** One try: the answer, or how long to wait before the next one. What no further try would change is an error. */
async function trySend(body, attempt) {
  // Twice as long each time, and no two clients at the same moment.
  const backoffMs = Math.min(pauseMsMax, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
  try {
    const response = await fetch(`${url}/api/v1/analytics/batch`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body,
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) return { answer: await response.json() };
    // Overloaded, stopping, or asked too often: it says when to come again.
    if (response.status !== 503 && response.status !== 429) {
      throw new Refused(`refused with ${response.status}: ${await response.text()}`);
    }
    return { waitMs: Math.max(backoffMs, Number(response.headers.get("Retry-After") ?? 0) * 1_000) };
  } catch (error) {
    // Whether a request without an answer was stored is not known; its ids make it safe to send again.
    if (error instanceof Refused) throw error;
    return { waitMs: backoffMs };
  }
}
