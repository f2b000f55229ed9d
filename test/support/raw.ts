/** Requests as bytes on a socket, for what no client library would send. */
import { connect } from "node:net";

/** What came back until the service closed the connection; `status` is undefined where no answer came. */
export interface RawAnswer {
  readonly status: number | undefined;
  readonly headers: Headers;
  readonly body: string;
  /** All of it. */
  readonly text: string;
}

/** Longer than any answer takes on a loaded machine; ms. */
const answerMsMax = 30_000;

/**
 * Sends bytes over a connection of its own and reads until the other side closes it; the request should ask for that.
 * @throws Error if it does not close within 30 s, or the connection fails
 */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect(Number(port), hostname);
  socket.setEncoding("latin1");
  socket.setTimeout(answerMsMax, () => socket.destroy(new Error(`no end of the answer; so far: ${text}`)));
  socket.on("data", (piece) => {
    text += piece;
  });
  socket.on("close", () => resolve(text));
  socket.on("error", reject);
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return rawAnswerOf(await promise);
}

/** A request line and headers in full; `host` stands in it as it is given. */
export const rawHead = (
  target: string,
  { method = "GET", host = "localhost", headers = [] as readonly string[] } = {},
): string => [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...headers, "", ""].join("\r\n");

function rawAnswerOf(text: string): RawAnswer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1];
  return {
    status: status === undefined ? undefined : Number(status),
    headers,
    body: rest.join("\r\n\r\n"),
    text,
  };
}
