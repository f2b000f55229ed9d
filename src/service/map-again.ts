/** Maps events that could not be mapped when they came, for a redrive. */
import type { AdapterThread } from "../adapter/thread.ts";
import { splitEvents } from "../event/parse/split-events.ts";
import type { Protocol } from "../event/protocols.ts";
import type { MapAgain } from "../upkeep/redrive.ts";

/** How the mappers read an event as it is kept. */
const contentTypes: Readonly<Record<Protocol, string>> = {
  segment: "application/json",
  posthog: "application/json",
  otlp: "application/json",
  cloudevents: "application/cloudevents+json",
};

/** Maps in the adapters' thread. An event of which anything cannot be mapped is still refused. */
export const mapAgainBy =
  (adapters: AdapterThread): MapAgain =>
  async ({ protocol, subject, refused_at, event }) => {
    const events: string[] = [];
    let isWhole = true;
    const facts = {
      receivedAtMs: Date.parse(refused_at),
      // Ids are derived under it, as they were when the event came.
      keyName: subject ?? "",
      type: undefined,
      userAgent: undefined,
      contentType: contentTypes[protocol],
      cloudEvent: {},
    };
    const mapped = await adapters.map({ protocol, body: new TextEncoder().encode(event) }, facts, async (batch) => {
      isWhole &&= batch.refused.length === 0;
      for (const each of splitEvents(Buffer.from(batch.body)) ?? []) events.push(each.toString());
    });
    return mapped.ok && isWhole ? events : [];
  };
