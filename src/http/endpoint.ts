/** A row of the table of endpoints, and what its handler is given. */
import type { TSchema } from "@sinclair/typebox";
import type { Server } from "bun";
import type { AcceptContext, HttpContext } from "./context.ts";
import type { Scope } from "./token/auth.ts";

/** A request that is let in. */
export type Asked = {
  request: Request;
  /** To be told that this request may be silent for long. */
  server: Server<unknown> | null;
  /** The token's subject; null where it has none, or where no token is asked for. */
  subject: string | null;
};

/**
 * Answers a request.
 * @throws Refusal, Overloaded, or whatever else `answers.ts` knows
 */
export type Handle<Context> = (context: Context, asked: Asked) => Response | Promise<Response>;

/** One answer of an endpoint: what it means, and its schema by media type, undefined where rows or lines have none. */
export type DocumentedAnswer = { description: string; content: Readonly<Record<string, TSchema | undefined>> };

/** What the OpenAPI document says of an endpoint. Its token and the answers without one follow from its scope. */
export type Documentation = {
  summary: string;
  description?: string;
  operationId: string;
  tag: "Analytics" | "Operation";
  /** Of the JSON body; the same that the body is checked by. */
  body?: TSchema;
  answers: Readonly<Record<number, DocumentedAnswer>>;
};

/**
 * Where an endpoint is, who may ask it, and what the document says; undefined: it is for our own command line or page
 * alone.
 */
type Place = {
  method: "GET" | "POST";
  path: string;
  /** What the token must allow, asked only while the service accepts. Undefined: no token, and also while it stops. */
  scope: Scope | undefined;
  documentation: Documentation | undefined;
};

/** What any accepting thread answers by itself. */
type SharedEndpoint = Place & { answeredBy: "every thread"; handle: Handle<AcceptContext> };

/** What needs the main thread's state: the other threads forward it there. */
type MainEndpoint = Place & { answeredBy: "main thread"; handle: Handle<HttpContext> };

/** One row of the table. */
export type Endpoint = SharedEndpoint | MainEndpoint;
