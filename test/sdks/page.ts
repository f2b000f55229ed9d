/** Sends events with other vendors' SDKs in a browser; bundled by the test that opens the page. */
import { jitsuAnalytics } from "@jitsu/js";
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";
import { AnalyticsBrowser } from "@segment/analytics-next";
import posthog from "posthog-js";

const properties = { total: 12.5, currency: "EUR" };

/** Each sends the events of these names to an address, with a key. */
const sdks: Readonly<Record<string, (to: string, key: string, events: readonly string[]) => void>> = {
  segment: (to, writeKey, events) => {
    const analytics = AnalyticsBrowser.load({ writeKey, cdnURL: to });
    for (const event of events) analytics.track(event, properties);
  },
  rudder: (to, key, events) => {
    const analytics = new RudderAnalytics();
    analytics.load(key, to, { configUrl: to });
    for (const event of events) analytics.track(event, properties);
  },
  jitsu: (to, key, events) => {
    const analytics = jitsuAnalytics({ host: to, writeKey: `${key}:secret` });
    for (const event of events) analytics.track(event, properties);
  },
  posthog: (to, key, events) => {
    // Without the first option it drops what a headless browser would send.
    const options = { opt_out_useragent_filter: true, capture_pageview: false, autocapture: false };
    posthog.init(key, { ...options, api_host: to });
    for (const event of events) posthog.capture(event, properties);
  },
};

Object.assign(globalThis, {
  sendAll: (to: string, key: string, names: Readonly<Record<string, readonly string[]>>) => {
    for (const [sdk, events] of Object.entries(names)) sdks[sdk]?.(to, key, events);
  },
});
