/** Forwards a request to another thread's server. */
import type { Server } from "bun";
import { queryOf } from "../edge/target.ts";

/** Headers that apply to one connection, or to an encoding that is removed on the way (RFC 9110, 7.6.1). */
const hopHeaders = ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"];

/** The server that answers, `http://HOST:PORT`, and the path, one of `methods`. */
type Destination = { address: string; path: string };

/** Streams a request there and its answer back. If the client disconnects, the forwarded request ends too. */
export async function forward(
  request: Request,
  { address, path }: Destination,
  server: Server<unknown> | null,
): Promise<Response> {
  // The answering server decides how long it may take.
  server?.timeout(request, 0);
  const headers = new Headers(request.headers);
  for (const name of hopHeaders) headers.delete(name);
  const answer = await fetch(`${address}${path}${queryOf(request.url)}`, {
    method: request.method,
    headers,
    body: request.body,
    redirect: "manual",
    decompress: false,
    timeout: false,
    signal: request.signal,
  });
  const answered = new Headers(answer.headers);
  for (const name of hopHeaders) answered.delete(name);
  return new Response(answer.body, { status: answer.status, headers: answered });
}
