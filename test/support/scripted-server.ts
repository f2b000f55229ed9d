/** A real HTTP server on 127.0.0.1 that takes batches and misbehaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An event as the server reads it. */
export type Received = { event_id: string; event_name: string } & Readonly<Record<string, unknown>>;

/** One request. */
export type Asked = {
  readonly events: readonly Received[];
  readonly authorization: string | undefined;
  readonly bytes: number;
  readonly body: string;
  readonly atMs: number;
};

/** What it does with one request: a status with headers and a body, or silence, or a cut connection. */
export type Turn =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | ((asked: Asked) => string);
      /** The connection is cut within the body. */
      readonly isTorn?: boolean;
    }
  | "silence"
  | "cut";

/** The answer to what is accepted. */
export const accepted: Turn = { status: 200, body: '{"success":true}' };

/** Starts one. `turn`: what it does with a request; `after`: real milliseconds until it does it. */
export async function startScriptedServer(turn: (asked: Asked, nth: number) => Turn, options: { after?: number } = {}) {
  const requests: Asked[] = [];
  const answer = (asked: Asked, response: ServerResponse): void => {
    const what = turn(asked, requests.length - 1);
    if (what === "silence") return;
    if (what === "cut") return void response.socket?.destroy();
    const body = typeof what.body === "function" ? what.body(asked) : (what.body ?? "");
    response.writeHead(what.status, what.headers);
    if (what.isTorn !== true) return void response.end(body);
    response.write(body.slice(0, 5));
    setTimeout(() => response.socket?.destroy(), 5);
  };
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    const body = content.toString();
    const { events } = JSON.parse(body);
    const { authorization } = request.headers;
    const asked = { events, authorization, bytes: content.byteLength, body, atMs: performance.now() };
    requests.push(asked);
    if (options.after === undefined) answer(asked, response);
    else setTimeout(() => answer(asked, response), options.after);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
