/** Reads server-sent events (WHATWG HTML, 9.2.6), as this service writes them. */

import { MillraceError, messageOf as textOf } from "../base/errors.ts";

/** The other side is gone, or never answered. */
export class ConnectionLost extends MillraceError {
  override readonly name = "ConnectionLost";
}

/** A message; of a comment, nothing is set. */
type Message = { id: string | undefined; event: string | undefined; data: string };

/**
 * The messages and comments of a stream, as they come.
 * @throws ConnectionLost
 */
export async function* messagesOf({ body }: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of piecesOf(body)) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield messageOf(block);
  }
}

async function* piecesOf(body: Response["body"]): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  for (;;) {
    const piece = await reader?.read().catch((error: unknown) => {
      throw new ConnectionLost(textOf(error), { cause: error });
    });
    if (piece === undefined || piece.done) return;
    yield piece.value;
  }
}

function messageOf(block: string): Message {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
  }
  return { id: fields.get("id"), event: fields.get("event"), data: fields.get("data") ?? "" };
}
