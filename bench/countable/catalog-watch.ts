/** The parent's side of `catalog-poller.ts`: starts it, hands on what it sees, ends it. */
import { fileURLToPath } from "node:url";

/** A session that the poller sees for the first time, and when. */
export type Seen = { session: string; atMs: number };

const pollerPath = fileURLToPath(new URL("./catalog-poller.ts", import.meta.url));

/**
 * Watches a catalog in another process until `over`, and calls `onSeen` for each new session whose name starts with
 * `prefix`.
 * @throws Error the other process ended by itself, or printed something else
 */
export async function watchCatalog(
  { catalogPath, prefix, onSeen }: { catalogPath: string; prefix: string; onSeen: (seen: Seen) => void },
  over: AbortSignal,
): Promise<void> {
  const poller = Bun.spawn([process.execPath, "--no-orphans", pollerPath, catalogPath, prefix], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal: over,
    killSignal: "SIGKILL",
  });
  const [complaint] = await Promise.all([poller.stderr.text(), readLines(poller.stdout, onSeen), poller.exited]);
  if (!over.aborted) throw new Error(`the reader of the catalog ended with ${poller.exitCode}: ${complaint}`);
}

async function readLines(stream: ReadableStream<Uint8Array>, onSeen: (seen: Seen) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onSeen(parseSeen(line));
  }
}

/**
 * Reads one line of the poller.
 * @throws Error it is none
 */
export function parseSeen(line: string): Seen {
  const told: unknown = JSON.parse(line);
  if (typeof told === "object" && told !== null && "session" in told && "atMs" in told) {
    const { session, atMs } = told;
    if (typeof session === "string" && typeof atMs === "number") return { session, atMs };
  }
  throw new Error(`not a line of the reader of the catalog: ${line}`);
}
