/** The mapper of each protocol. */
import type { Protocol } from "../event/protocols.ts";
import { mapCloudEvents } from "./cloud-events.ts";
import type { Mapper } from "./mapped.ts";
import { mapOtlpJson } from "./otlp/json.ts";
import { mapOtlpProtobuf } from "./otlp/protobuf.ts";
import { mapPostHog } from "./posthog.ts";
import { protobufType } from "./protocol.ts";
import { mapSegment } from "./segment.ts";

/** Maps a body by its protocol; OpenTelemetry by its media type, too. */
export const mappers: Readonly<Record<Protocol, Mapper>> = {
  segment: mapSegment,
  posthog: mapPostHog,
  otlp: (body, facts) => (facts.contentType === protobufType ? mapOtlpProtobuf : mapOtlpJson)(body, facts),
  cloudevents: mapCloudEvents,
};
