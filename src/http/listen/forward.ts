/** A request that another thread's server answers, as if it had come there. */
import type { Server } from "bun";
import { queryOf } from "../edge/target.ts";

/** Headers that belong to one connection, or to an encoding that is undone on the way (RFC 9110, 7.6.1). */
const hopHeaders = ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"];

/** The server that answers, `http://HOST:PORT`, and the path, one of `methods`. */
type Destination = { address: string; path: string };

/** Passes a request on and its answer back, both as they come; when the client goes, the request ends there too. */
export async function forward(
  request: Request,
  { address, path }: Destination,
  server: Server<unknown> | null,
): Promise<Response> {
  // Whoever answers decides how long it may take.
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
