/** Requests that other vendors' SDKs really sent, captured as `test/fixtures/README.md` says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RequestFacts } from "../../src/adapter/mapped.ts";
import type { Protocol } from "../../src/event/protocols.ts";

const folder = join(import.meta.dir, "../fixtures/vendors");

/** The fixtures, and the protocol of each. */
export const vendorFixtures: Readonly<Record<string, Protocol>> = {
  segment: "segment",
  rudder: "segment",
  jitsu: "segment",
  "br-segment-ok": "segment",
  "br-segment-batch-ok": "segment",
  "br-rudder-ok": "segment",
  "br-jitsu-ok": "segment",
  posthog: "posthog",
  "br-posthog-ok": "posthog",
  "otlp-json": "otlp",
  "br-otlp-ok": "otlp",
  cloudevents: "cloudevents",
};

/** A request: its body, inflated, and what a mapper is told about it. */
export interface VendorRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly facts: RequestFacts;
}

/** When the captured requests were received: shortly after they were sent. ms since 1970 */
export const capturedAtMs = Date.parse("2026-11-23T13:12:00.000Z");

/** What a mapper is told, where a test does not say otherwise. */
export const someFacts: RequestFacts = {
  receivedAtMs: capturedAtMs,
  keyName: "web",
  type: undefined,
  userAgent: undefined,
  contentType: "application/json",
  cloudEvent: {},
};

/** The requests of a fixture. */
export function vendorRequests(fixture: string): VendorRequest[] {
  const captured: Captured[] = JSON.parse(readFileSync(join(folder, `${fixture}.json`), "utf8"));
  return captured.map(({ path, headers, body }) => ({
    path,
    headers,
    body: new Uint8Array(Buffer.from(typeof body === "string" ? body : JSON.stringify(body))),
    facts: {
      ...someFacts,
      receivedAtMs: sentAtMs(body) ?? capturedAtMs,
      type: path.split("/").at(-1),
      userAgent: headers["user-agent"],
      contentType: headers["content-type"]?.split(";")[0] ?? "",
      cloudEvent: Object.fromEntries(
        Object.entries(headers).flatMap(([name, value]) => (name.startsWith("ce-") ? [[name.slice(3), value]] : [])),
      ),
    },
  }));
}

interface Captured {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** When a request says that it was sent. */
function sentAtMs(body: unknown): number | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const sent: unknown = Reflect.get(body, "sentAt") ?? Reflect.get(body, "sent_at");
  return typeof sent === "string" ? Date.parse(sent) + 50 : undefined;
}
