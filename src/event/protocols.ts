/** The protocols of other vendors' SDKs, whose events are accepted one by one: a bad one does not refuse the others. */
export const protocols = ["segment", "posthog", "otlp", "cloudevents"] as const;

/** One of `protocols`. */
export type Protocol = (typeof protocols)[number];

/** An event that was not accepted, and why. */
export type RefusedEvent = {
  /** A sentence or pydantic's words with the field, such as `event_name: String should have at most 100 characters`. */
  reason: string;
  /** A canonical UUID; null where the event has none. Any other string counts as none. */
  eventId: string | null;
  /** The event as JSON, character by character as it was sent or mapped. */
  event: string;
};

/** An event of a body that was refused alone, with its place among the body's events, from 0. */
export type RefusedAlone = RefusedEvent & { index: number };
