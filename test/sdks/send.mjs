/**
 * Sends events with other vendors' SDKs, unmodified from npm, under Node. The environment says where to (`TO`), with
 * which key (`KEY`), which SDKs (`SDKS`) and what the names of the events begin with (`PREFIX`). Each SDK sends events
 * `PREFIX.SDK.0` to `PREFIX.SDK.4`. Ends with 0 once all SDKs say that they have sent everything.
 */
const { TO: to, KEY: key, SDKS: names, PREFIX: prefix } = process.env;
const count = 5;
/** Longer than the SDKs wait by themselves: on a busy machine a service may take long to come back. */
const patienceMs = 60_000;
const properties = { total: 12.5, currency: "EUR" };

/** Each sends the events of these names, and resolves once they are sent. */
const sdks = {
  async segment(events) {
    const { Analytics } = await import("@segment/analytics-node");
    const analytics = new Analytics({ writeKey: key, host: to, flushAt: count, httpRequestTimeout: patienceMs });
    for (const event of events) analytics.track({ userId: "u1", event, properties });
    await analytics.closeAndFlush({ timeout: patienceMs });
  },
  async rudder(events) {
    const { default: RudderAnalytics } = await import("@rudderstack/rudder-sdk-node");
    const analytics = new RudderAnalytics(key, { dataPlaneUrl: to, flushAt: count });
    for (const event of events) analytics.track({ userId: "u1", event, properties });
    await analytics.flush();
  },
  async jitsu(events) {
    const { jitsuAnalytics } = await import("@jitsu/js");
    const analytics = jitsuAnalytics({ host: to, writeKey: `${key}:secret`, debug: false });
    for (const event of events) await analytics.track(event, properties);
  },
  async posthog(events) {
    const { PostHog } = await import("posthog-node");
    const posthog = new PostHog(key, { host: to, fetchRetryDelay: 200, requestTimeout: patienceMs });
    for (const event of events) posthog.capture({ distinctId: "u1", event, properties });
    await posthog.shutdown(patienceMs);
  },
  async otlpJson(events) {
    const { OTLPLogExporter } = await import("@opentelemetry/exporter-logs-otlp-http");
    const headers = { authorization: `Bearer ${key}` };
    await emit(new OTLPLogExporter({ url: `${to}/v1/logs`, headers, timeoutMillis: patienceMs }), events);
  },
  async otlpProtobuf(events) {
    const { OTLPLogExporter } = await import("@opentelemetry/exporter-logs-otlp-proto");
    const headers = { authorization: `Bearer ${key}` };
    await emit(
      new OTLPLogExporter({ url: `${to}/v1/logs`, headers, timeoutMillis: patienceMs, compression: "gzip" }),
      events,
    );
  },
  async cloudevents(events) {
    const { CloudEvent, emitterFor, httpTransport } = await import("cloudevents");
    const headers = { authorization: `Bearer ${key}` };
    for (const [index, type] of events.entries()) {
      const mode = index % 2 === 0 ? "binary" : "structured";
      const send = emitterFor(httpTransport(`${to}/ce`), { mode });
      await send(new CloudEvent({ type, source: "/shop", data: properties, sessionid: "s1" }), { headers });
    }
  },
};

async function emit(exporter, events) {
  const { BatchLogRecordProcessor, LoggerProvider } = await import("@opentelemetry/sdk-logs");
  const provider = new LoggerProvider({
    processors: [new BatchLogRecordProcessor({ exporter, exportTimeoutMillis: patienceMs })],
  });
  const logger = provider.getLogger("shop");
  for (const eventName of events) logger.emit({ eventName, body: properties, attributes: { "user.id": "u1" } });
  await provider.shutdown();
}

await Promise.all(
  names.split(",").map(async (name) => {
    await sdks[name](Array.from({ length: count }, (_, index) => `${prefix}.${name}.${index}`));
  }),
);
process.exit(0);
