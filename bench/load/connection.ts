/** One keep-alive connection of the open-loop generator, with one request on it at most. */
import type { Socket } from "bun";
import { AnswerReader } from "./answers.ts";

/** Receives the events of a connection. */
export type ConnectionOwner = {
  /** The request on it was answered; it is free again. */
  answered(connection: Connection, status: number): void;
  /** It is closed, with or without a request on it. */
  closed(connection: Connection): void;
  /** It received something other than an answer. */
  failed(error: Error): void;
};

/** A connection, from its opening to its close. */
export class Connection {
  /** Of the request on it. ms since the start of the load. */
  intendedMs = 0;
  sentMs = 0;
  isBusy = false;
  readonly #owner: ConnectionOwner;
  readonly #reader = new AnswerReader();
  #socket: Socket<undefined> | undefined;
  /** The part of a request that the kernel has not taken yet. */
  #rest: Buffer | undefined;

  private constructor(owner: ConnectionOwner) {
    this.#owner = owner;
  }

  /**
   * Opens one.
   * @throws Error the server does not accept it
   */
  static async open(owner: ConnectionOwner, to: { hostname: string; port: number }): Promise<Connection> {
    const connection = new Connection(owner);
    connection.#socket = await Bun.connect<undefined>({
      ...to,
      socket: {
        binaryType: "buffer",
        open: (socket) => {
          socket.setNoDelay(true);
        },
        data: (_socket, piece) => connection.#take(piece),
        drain: () => connection.#writeRest(),
        close: () => owner.closed(connection),
        error: (_socket, error) => owner.failed(error),
      },
    });
    return connection;
  }

  /** Sends a request; the caller may reuse its memory at once. REQUIRES: no other request is on the connection. */
  send(request: Buffer, times: { intendedMs: number; sentMs: number }): void {
    this.intendedMs = times.intendedMs;
    this.sentMs = times.sentMs;
    this.isBusy = true;
    const written = this.#socket?.write(request) ?? 0;
    if (written < request.byteLength) this.#rest = Buffer.from(request.subarray(Math.max(0, written)));
  }

  /** Closes it, whatever is on it. */
  end(): void {
    this.#socket?.terminate();
  }

  #take(piece: Buffer): void {
    const status = this.#reader.take(piece);
    if (status === undefined) return;
    this.isBusy = false;
    this.#owner.answered(this, status);
  }

  #writeRest(): void {
    if (this.#rest === undefined) return;
    const written = this.#socket?.write(this.#rest) ?? 0;
    this.#rest = written < this.#rest.byteLength ? this.#rest.subarray(Math.max(0, written)) : undefined;
  }
}
