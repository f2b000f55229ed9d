/**
 * This process's connections as the system reports them, including those that the runtime does not report. Linux only.
 */
import { libc } from "../../base/libc.ts";

/** A connection, and what it has been used for. */
export type Connection = {
  descriptor: number;
  /** The descriptor and the client's port, so that a later connection with the same descriptor has another key. */
  key: string;
  /** Bytes received from the client, and bytes sent that it has acknowledged. */
  received: number;
  sent: number;
  /** Time since the last byte came, or since the connection was opened if none came. ms */
  silentMs: number;
  /** Whether bytes came after the last answer: a request is on its way in, or its answer on its way out. */
  isBusy: boolean;
};

/** AF_INET and AF_INET6: both have the port at the same offset. */
const families = [2, 10];

const tcp = 6;
const tcpInfo = 11;
const established = 1;
const closeWait = 8;
const flagsOf = 1;
const bothWays = 2;

/** Checks descriptors one by one: 20,000 of them take 5 ms. */
export class Sockets {
  readonly #calls: NonNullable<ReturnType<typeof libc>>;
  readonly #address = new Uint8Array(128);
  readonly #addressView = new DataView(this.#address.buffer);
  readonly #info = new Uint8Array(256);
  readonly #infoView = new DataView(this.#info.buffer);
  readonly #length = new Uint32Array(1);

  private constructor(calls: NonNullable<ReturnType<typeof libc>>) {
    this.#calls = calls;
  }

  /** Undefined if the system does not have the calls. */
  static open(): Sockets | undefined {
    const calls = libc();
    return calls === undefined ? undefined : new Sockets(calls);
  }

  /** The open connections of a port that this process listens on. It checks `open` descriptors, all below `limit`. */
  connections(port: number, { open, limit }: { open: number; limit: number }): Connection[] {
    const found: Connection[] = [];
    let seen = 0;
    for (let descriptor = 0; descriptor < limit && seen < open; descriptor++) {
      if (this.#calls.fcntl(descriptor, flagsOf) < 0) continue;
      seen += 1;
      const connection = this.#connection(descriptor, port);
      if (connection !== undefined) found.push(connection);
    }
    return found;
  }

  /** Shuts a connection down in both directions; the runtime sees the end and closes it. */
  end({ descriptor }: Connection): void {
    this.#calls.shutdown(descriptor, bothWays);
  }

  #connection(descriptor: number, port: number): Connection | undefined {
    this.#length[0] = this.#address.byteLength;
    if (this.#calls.getsockname(descriptor, this.#address, this.#length) !== 0) return undefined;
    if (!families.includes(this.#addressView.getUint16(0, true)) || this.#port() !== port) return undefined;
    // Cleared, because an old kernel fills less of it.
    this.#info.fill(0);
    this.#length[0] = this.#info.byteLength;
    if (this.#calls.getsockopt(descriptor, tcp, tcpInfo, this.#info, this.#length) !== 0) return undefined;
    // Listening sockets and ended connections have another state.
    if (this.#info[0] !== established && this.#info[0] !== closeWait) return undefined;
    const [received, sent] = [this.#number64(128), this.#number64(120)];
    const sinceSentMs = this.#infoView.getUint32(44, true);
    const silentMs = this.#infoView.getUint32(52, true);
    this.#length[0] = this.#address.byteLength;
    if (this.#calls.getpeername(descriptor, this.#address, this.#length) !== 0) return undefined;
    const key = `${descriptor}:${this.#port()}`;
    return {
      descriptor,
      key,
      received,
      sent,
      silentMs,
      isBusy: received > 0 && (sent === 0 || sinceSentMs > silentMs),
    };
  }

  /** In network order. */
  #port(): number {
    return this.#addressView.getUint16(2, false);
  }

  #number64(at: number): number {
    return Number(this.#infoView.getBigUint64(at, true));
  }
}
