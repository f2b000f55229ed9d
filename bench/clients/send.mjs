/**
 * Tracks events with one SDK, under Node, as its documentation says and with its defaults. The environment says which
 * SDK (`SDK`), what happens (`CASE`), where to (`TO`), with which key (`KEY`), how many events (`EVENTS`), where the
 * built client is (`CLIENT`) and where its outbox may be (`OUTBOX`).
 */
const { SDK, CASE, TO: host, KEY: key, EVENTS, CLIENT, OUTBOX } = process.env;
const properties = { total: 19.9, currency: "EUR", items: 3, plan: "pro" };

/** Each gives how to track one event, and how to end as its documentation says. */
const sdks = {
  async millrace() {
    const { createClient } = await import(`${CLIENT}/client.js`);
    const { openOutbox } = await import(`${CLIENT}/outbox.js`);
    const outbox = OUTBOX ? openOutbox(OUTBOX) : undefined;
    const client = createClient({ url: host, token: key, anonymous_id: null, outbox });
    return { track: (name) => client.track(name, properties, { user_id: "u-1" }), end: () => client.close() };
  },
  async posthog() {
    const { PostHog } = await import("posthog-node");
    const client = new PostHog(key, { host });
    return {
      track: (event) => client.capture({ distinctId: "u-1", event, properties }),
      end: () => client.shutdown(),
    };
  },
  async segment() {
    const { Analytics } = await import("@segment/analytics-node");
    const client = new Analytics({ writeKey: key, host });
    return {
      track: (event) => client.track({ userId: "u-1", event, properties }),
      end: () => client.closeAndFlush(),
    };
  },
  async rudder() {
    const { default: RudderAnalytics } = await import("@rudderstack/rudder-sdk-node");
    const client = new RudderAnalytics(key, { dataPlaneUrl: host });
    return {
      track: (event) => client.track({ userId: "u-1", event, properties }),
      end: () => client.flush(),
    };
  },
};

const { track, end } = await sdks[SDK]();
const startedMs = performance.now();
for (let nth = 0; nth < Number(EVENTS); nth += 1) track("order");
console.log(`us:${((performance.now() - startedMs) / Number(EVENTS)) * 1e3}`);
if (CASE === "killed") process.kill(process.pid, "SIGKILL");
if (CASE === "ended") await end();
