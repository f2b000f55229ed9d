/** The way in from the network: a server on the main thread, and the bound of its connections. */
import type { ConnectionBound } from "../connections/bound.ts";
import { Connections } from "../connections/connections.ts";
import type { HttpContext } from "../context.ts";
import { listen } from "./server.ts";

/** Where to listen, and how many connections may be open. */
type FrontOptions = { host: string; port: number; bound: ConnectionBound };

/** What listens; made by `Front.open`. */
export class Front {
  /** The bound address, `http://HOST:PORT`. */
  readonly address: string;
  /** Keeps the number of open connections within its bound. */
  readonly connections: Connections;
  readonly #scope: AsyncDisposableStack;

  private constructor(parts: { address: string; connections: Connections }, scope: AsyncDisposableStack) {
    this.address = parts.address;
    this.connections = parts.connections;
    this.#scope = scope;
  }

  /**
   * Starts to listen.
   * @throws AddressRefused when the address is not available
   */
  static async open(context: HttpContext, { host, port, bound }: FrontOptions): Promise<Front> {
    await using scope = new AsyncDisposableStack();
    const server = scope.adopt(listen(context, { host, port }), (each) => each.stop());
    const connections = scope.use(Connections.open({ port: server.port, ...bound, log: context.log }));
    return new Front({ address: server.address, connections }, scope.move());
  }

  /** Ends all listening; open connections are closed. */
  async close(): Promise<void> {
    await this.#scope.disposeAsync();
  }
}
