/** Clients on a bad line: some send their body a byte at a time, some read what they asked for a little at a time. */
import { AnswerReader } from "../load/answers.ts";
import type { Service } from "../system/service.ts";
import { pause, together } from "./beside.ts";

/** As a line of 20 bytes a second has it; the service closes a connection that is silent for 30 s. ms */
const byteEveryMs = 50;

/**
 * Pause between two reads. A piece is what the kernel holds at once, so this gives a few hundred kilobytes a second. ms
 */
const pieceEveryMs = 500;

/** 100 MB, so that no buffer on the way holds it all, and the service has to wait for its reader. */
const longQuery = JSON.stringify({ sql: "SELECT range, repeat('x', 100) FROM range(1000000)", format: "json" });

/** One event in as few bytes as possible, so that each sender repeats several times: 2 s a body. */
const shortEvent = JSON.stringify({ event_name: "sent_on_a_bad_line" });

/** How many there are. */
export type SlowClients = { senders: number; readers: number };

/** What they did. */
export type SlowCounts = {
  /** Events that senders got acknowledged. */
  acknowledged: number;
  /** Events that were on their way in the end. */
  unansweredMax: number;
  /** Answers other than 200, and connections that the service closed before its answer. */
  turnedAway: number;
  /** Pieces that readers took. */
  pieces: number;
};

/**
 * Lets clients send and read slowly until `over`; each starts again when it is done.
 * @throws Error the service does not take their connections
 */
export async function sendAndReadSlowly(
  service: Service,
  { senders, readers, queryToken }: SlowClients & { queryToken: string },
  over: AbortSignal,
): Promise<SlowCounts> {
  const counts: SlowCounts = { acknowledged: 0, unansweredMax: 0, turnedAway: 0, pieces: 0 };
  const sender = async (ends: AbortSignal) => {
    while (!ends.aborted) await sendSlowly(service, counts, ends);
  };
  const reader = async (ends: AbortSignal) => {
    while (!ends.aborted) await readSlowly({ url: service.url, queryToken }, counts, ends);
  };
  await together(over, [
    ...Array.from({ length: senders }, () => sender),
    ...Array.from({ length: readers }, () => reader),
  ]);
  return counts;
}

/** One event over a connection of its own: the header at once, the body a byte at a time. */
async function sendSlowly({ url, token }: Service, counts: SlowCounts, over: AbortSignal): Promise<void> {
  const reader = new AnswerReader();
  const done = new AbortController();
  let status: number | undefined;
  const { hostname, port } = new URL(url);
  const socket = await Bun.connect({
    ...{ hostname, port: Number(port) },
    socket: {
      binaryType: "buffer",
      data: (_socket, piece: Buffer) => {
        status ??= reader.take(piece);
        if (status !== undefined) done.abort();
      },
      close: () => done.abort(),
    },
  });
  const ends = AbortSignal.any([done.signal, over]);
  socket.write(headerOf({ url, path: "/api/v1/analytics", token, length: shortEvent.length }));
  for (let sent = 0; sent < shortEvent.length && !ends.aborted; sent += 1) {
    await pause(byteEveryMs, ends);
    if (!ends.aborted) socket.write(shortEvent.slice(sent, sent + 1));
  }
  while (!ends.aborted) await pause(byteEveryMs, ends);
  const wasAnswered = done.signal.aborted;
  socket.terminate();
  if (status === 200) counts.acknowledged += 1;
  else if (wasAnswered) counts.turnedAway += 1;
  // The last byte may have gone: then it may be stored without an answer.
  if (status === undefined) counts.unansweredMax += 1;
}

/** One long answer over a connection of its own, a piece at a time. */
async function readSlowly(
  { url, queryToken }: { url: string; queryToken: string },
  counts: SlowCounts,
  over: AbortSignal,
): Promise<void> {
  const closed = new AbortController();
  const { hostname, port } = new URL(url);
  const socket = await Bun.connect({
    ...{ hostname, port: Number(port) },
    socket: {
      data: (from) => {
        counts.pieces += 1;
        from.pause();
      },
      close: () => closed.abort(),
    },
  });
  const ends = AbortSignal.any([closed.signal, over]);
  const header = headerOf({ url, path: "/api/v1/analytics/query", token: queryToken, length: longQuery.length });
  socket.write(header + longQuery);
  while (!ends.aborted) {
    await pause(pieceEveryMs, ends);
    socket.resume();
  }
  socket.terminate();
}

function headerOf(request: { url: string; path: string; token: string; length: number }): string {
  const lines = [
    `POST ${request.path} HTTP/1.1`,
    `Host: ${new URL(request.url).host}`,
    `Authorization: Bearer ${request.token}`,
    "Content-Type: application/json",
    `Content-Length: ${request.length}`,
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
