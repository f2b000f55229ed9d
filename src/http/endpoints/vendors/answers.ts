/** What other vendors' SDKs accept as an answer. */
import { protobufType } from "../../../adapter/protocol.ts";
import type { Protocol } from "../../../event/protocols.ts";
import { json, privateHeaders } from "../../answers.ts";

/** What became of the events of a request. */
type Told = { refused: number };

/** 200 for a request whose events are durable, stored or kept as refused. */
export function answerOf(protocol: Protocol, contentType: string, told: Told): Response {
  switch (protocol) {
    case "segment":
    case "cloudevents":
      return json({ success: true });
    case "posthog":
      return json({ status: 1 });
    case "otlp":
      return contentType === protobufType ? otlpProtobuf(told) : json(otlpJson(told));
  }
}

const refusedText = "kept in the view `refused`, with the reason";

function otlpJson({ refused }: Told): unknown {
  if (refused === 0) return {};
  return { partialSuccess: { rejectedLogRecords: String(refused), errorMessage: refusedText } };
}

/** `ExportLogsServiceResponse`; empty if nothing was refused. */
function otlpProtobuf({ refused }: Told): Response {
  const headers = { ...privateHeaders, "content-type": protobufType };
  if (refused === 0) return new Response(null, { headers });
  const text = Buffer.from(refusedText);
  const partial = Buffer.concat([Buffer.from([0x08]), varint(refused), Buffer.from([0x12]), varint(text.length), text]);
  return new Response(Buffer.concat([Buffer.from([0x0a]), varint(partial.length), partial]), { headers });
}

/** A number in the wire format of protobuf. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
