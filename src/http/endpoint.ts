/** A row of the table of endpoints, and what its handler is given. */
import type { TObject, TSchema } from "@sinclair/typebox";
import type { Server } from "bun";
import type { HttpContext } from "./context.ts";
import type { Principal, Scope } from "./token/principal.ts";

/** A request that is let in. */
export type Asked = {
  request: Request;
  /** For a request that may be silent for long: its timeout is lifted. */
  server: Server<unknown> | null;
  /** Who asks; null when no token is required. */
  principal: Principal | null;
  /** The principal's subject; null when it has none, or when no token is required. */
  subject: string | null;
};

/**
 * Answers a request.
 * @throws Refusal, Overloaded, or another error that `answers.ts` knows
 */
export type Handle<Context> = (context: Context, asked: Asked) => Response | Promise<Response>;

/**
 * One answer of an endpoint: what it means, and its schema by media type; undefined for rows or lines without a schema.
 */
export type DocumentedAnswer = { description: string; content: Readonly<Record<string, TSchema | undefined>> };

/** What the OpenAPI document says about an endpoint. The scope determines its token and the answers without one. */
export type Documentation = {
  summary: string;
  description?: string;
  operationId: string;
  tag: "Analytics" | "Operation";
  /** Schema of the parameters in the URL; what is neither a string nor one of some words is JSON there. */
  parameters?: TObject;
  /** Schema of the JSON body; the body is checked by the same schema. */
  body?: TSchema;
  answers: Readonly<Record<number, DocumentedAnswer>>;
};

/** One row of the table: where an endpoint is, who may use it, what it does, and its documentation. */
export type Endpoint = {
  method: "GET" | "POST";
  path: string;
  /**
   * The scope that the token must have; such an endpoint answers only while the service accepts. Undefined: needs no
   * token, and also answers while the service stops.
   */
  scope: Scope | undefined;
  /** Set where the handler finds out who asks: the body may name the key. It also refuses while the service stops. */
  admits?: "handler";
  /** Whether this service has the endpoint; absent: yes. If not, its path is answered like an unknown path. */
  isServed?: (context: HttpContext) => boolean;
  handle: Handle<HttpContext>;
  /** Undefined for those that only our own command line or page uses. */
  documentation: Documentation | undefined;
};
