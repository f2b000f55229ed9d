/** What the parser's thread is asked, and what it answers: plain data, cloned between threads. */
import type { Recovery } from "../../actor/serve.ts";
import type { SchemaSource } from "../../schema/set.ts";
import type { LeftBody, ParsedBody } from "../protocol.ts";

/** What the thread is born with. The main thread replaces the schemas: a successor gets the latest. */
export type ParserOptions = { schemas: { source: SchemaSource | undefined } };

/** Everything that the thread is asked. */
export type ParserRequest =
  | { kind: "recover" }
  | ({ kind: "parse" } & LeftBody)
  /** From the next body on, properties must fit these schemas. */
  | { kind: "schemas"; source: SchemaSource | undefined };

/** The answer to each kind of request. */
export type ParserReplies = { recover: Recovery; parse: ParsedBody; schemas: undefined };
