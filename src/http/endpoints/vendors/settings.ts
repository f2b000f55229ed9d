/**
 * What other vendors' browser SDKs ask for before they send. The answers are the same for every key, so that nobody can
 * try keys here.
 */
import { commonHeaders, json } from "../../answers.ts";
import type { Asked } from "../../endpoint.ts";
import { segmentsOf } from "./facts.ts";

/** Segment: without this, its browser SDK never sends an event. */
export function segmentSettings({ request }: Asked): Response {
  const apiKey = segmentsOf(request)[2] ?? "";
  const host = request.headers.get("host") ?? "";
  const apiHost = `${host}/v1`;
  return json({ integrations: { "Segment.io": { apiKey, apiHost, protocol: protocolOf(request) } }, plan: {} });
}

/** RudderStack: without this, its browser SDK never sends an event. */
export function rudderSource({ request }: Asked): Response {
  const writeKey = new URL(request.url).searchParams.get("writeKey") ?? "";
  const off = { enabled: false };
  return json({
    source: {
      id: "millrace",
      name: "millrace",
      writeKey,
      enabled: true,
      workspaceId: "millrace",
      updatedAt: "2026-01-01T00:00:00.000Z",
      config: { statsCollection: { errors: off, metrics: off } },
      destinations: [],
      dataplanes: {},
    },
  });
}

/** PostHog: keeps its browser SDK compressing, which needs no preflight. */
export const posthogConfig = (): Response =>
  json({ supportedCompression: ["gzip", "gzip-js"], hasFeatureFlags: false });

/** PostHog loads this as a script before it asks for the settings in JSON; it must be valid JavaScript. */
export const posthogScript = (): Response =>
  new Response("// The settings are in the file `config` beside this one.\n", {
    // A page of another origin loads it as a script.
    headers: { ...commonHeaders, "content-type": "text/javascript", "cross-origin-resource-policy": "cross-origin" },
  });

/** PostHog: there are no feature flags here. */
export const posthogFlags = (): Response => json({ flags: {}, featureFlags: {}, errorsWhileComputingFlags: false });

/** PostHog: recordings are not kept. */
export const posthogRecording = (): Response => json({ status: 1 });

/** `https` where a proxy in front says so, or where the page is, which may then ask nothing else. */
function protocolOf({ headers }: Request): "http" | "https" {
  const forwarded = headers.get("x-forwarded-proto")?.split(",", 1)[0]?.trim().toLowerCase();
  if (forwarded !== undefined) return forwarded === "https" ? "https" : "http";
  const isLocal = /^(?:localhost|127\.|\[::1\])/.test(headers.get("host") ?? "");
  return !isLocal && headers.get("origin")?.startsWith("https://") === true ? "https" : "http";
}
