/**
 * A disk with a volatile write cache, served over NBD's fixed newstyle
 * (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md): what was written and not flushed is lost, torn
 * or reordered at a power cut.
 *
 * It is a separate process, because a process that waits for the file system cannot serve its disk. Arguments: path of
 * the socket, size in MiB. Standard input takes lines: `cut SEED`, `restore`; each is answered by `done`.
 */

import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { type Random, randomFrom } from "../../support/random.ts";
import { ByteReader } from "./byte-reader.ts";

/** The unit that a disk keeps or loses as a whole. Bytes. */
const sectorBytes = 512;

/** A disk in memory: what reads see, what is on the platter, and the cached writes between the two. */
class VolatileDisk {
  readonly #seen: Buffer;
  readonly #durable: Buffer;
  #cached: { offset: number; bytes: Buffer }[] = [];
  isOn = true;

  constructor(bytes: number) {
    this.#seen = Buffer.alloc(bytes);
    this.#durable = Buffer.alloc(bytes);
  }

  get bytes(): number {
    return this.#seen.byteLength;
  }

  read(offset: number, length: number): Buffer {
    return this.#seen.subarray(offset, offset + length);
  }

  write(offset: number, bytes: Buffer): void {
    bytes.copy(this.#seen, offset);
    this.#cached.push({ offset, bytes });
  }

  flush(): void {
    for (const { offset, bytes } of this.#cached) bytes.copy(this.#durable, offset);
    this.#cached = [];
  }

  /** Some of the cached writes reach the platter, in any order, and some of these only in part, by sectors. */
  cut(random: Random): void {
    this.isOn = false;
    // All are lost, nearly all are kept, or anything between: each finds other faults.
    const keptOfTen = random.between({ from: 0, to: 10 });
    const left = [...this.#cached];
    while (left.length > 0) {
      const [write] = left.splice(random.between({ from: 0, to: left.length - 1 }), 1);
      if (write === undefined || random.between({ from: 1, to: 10 }) > keptOfTen) continue;
      const isTorn = random.onceIn(3);
      for (let at = 0; at < write.bytes.byteLength; at += sectorBytes)
        if (!isTorn || random.onceIn(2))
          write.bytes.copy(this.#durable, write.offset + at, at, Math.min(at + sectorBytes, write.bytes.byteLength));
    }
    this.#cached = [];
    this.#durable.copy(this.#seen);
  }
}

const optionMagic = Buffer.from("IHAVEOPT");
const optionReplyMagic = 0x3e889045565a9n;
const requestMagic = 0x25609513;
const replyMagic = 0x67446698;
const optionGo = 7;
const replyInfo = 3;
const replyAck = 1;
const replyUnsupported = 0x80000001;
/** HAS_FLAGS, SEND_FLUSH, SEND_FUA. */
const exportFlags = 1 | 4 | 8;
const isFua = 1;
const commands = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const errorIo = 5;

async function serve(socket: Socket, disk: VolatileDisk): Promise<void> {
  const reader = new ByteReader(socket);
  const greeting = Buffer.alloc(18);
  greeting.write("NBDMAGIC", 0);
  optionMagic.copy(greeting, 8);
  // Fixed newstyle, no zeroes.
  greeting.writeUInt16BE(3, 16);
  socket.write(greeting);
  await reader.take(4);
  for (;;) {
    const head = await reader.take(16);
    const option = head.readUInt32BE(8);
    await reader.take(head.readUInt32BE(12));
    if (option !== optionGo) {
      socket.write(optionReply(option, replyUnsupported, Buffer.alloc(0)));
      continue;
    }
    const info = Buffer.alloc(12);
    info.writeBigUInt64BE(BigInt(disk.bytes), 2);
    info.writeUInt16BE(exportFlags, 10);
    socket.write(optionReply(option, replyInfo, info));
    socket.write(optionReply(option, replyAck, Buffer.alloc(0)));
    break;
  }
  for (;;) {
    const head = await reader.take(28);
    if (head.readUInt32BE(0) !== requestMagic) throw new Error("not a request");
    const flags = head.readUInt16BE(4);
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const written = command === commands.write ? await reader.take(length) : undefined;
    if (command === commands.disconnect) return;
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(replyMagic, 0);
    head.copy(reply, 8, 8, 16);
    if (!disk.isOn) reply.writeUInt32BE(errorIo, 4);
    else if (written !== undefined) {
      disk.write(offset, written);
      if ((flags & isFua) !== 0) disk.flush();
    } else if (command === commands.flush) disk.flush();
    socket.write(reply);
    if (disk.isOn && command === commands.read) socket.write(Buffer.from(disk.read(offset, length)));
  }
}

function optionReply(option: number, kind: number, data: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(optionReplyMagic, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(kind, 12);
  head.writeUInt32BE(data.byteLength, 16);
  return Buffer.concat([head, data]);
}

const [socketPath = "", sizeMiB = ""] = process.argv.slice(2);
const disk = new VolatileDisk(Number(sizeMiB) * 2 ** 20);
const server = createServer((socket) => {
  // A client that was connected at a cut may leave in the middle of a request.
  serve(socket, disk)
    .catch(() => undefined)
    .finally(() => socket.destroy());
});
server.listen(socketPath, () => console.log("done"));
for await (const line of createInterface({ input: process.stdin })) {
  const [word, seed] = line.split(" ");
  if (word === "cut") disk.cut(randomFrom(Number(seed)));
  else disk.isOn = true;
  console.log("done");
}
process.exit(0);
