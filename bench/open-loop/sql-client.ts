/** An analyst's client: SQL over HTTP. */
import type { Service } from "../system/service.ts";

/** The service ends a query at 30 s; past that nothing comes any more. ms */
const answerMsMax = 35_000;

/** An answer of one query: its rows, or that as many ran already as may. */
export type QueryAnswer = { kind: "rows"; rows: readonly (readonly unknown[])[] } | { kind: "busy" };

/** Asks one service. */
export class SqlClient {
  readonly #url: string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  private constructor({ url, token, signal }: { url: string; token: string; signal: AbortSignal }) {
    this.#url = url;
    this.#token = token;
    this.#signal = signal;
  }

  /** One with a token of its own; `signal` ends whatever it asks. */
  static async of(service: Service, signal: AbortSignal): Promise<SqlClient> {
    return new SqlClient({
      url: `${service.url}/api/v1/analytics/query`,
      token: await service.tokenFor("query"),
      signal,
    });
  }

  /**
   * Asks, and reads the answer to its end.
   * @throws Error it is neither rows nor 429
   */
  async ask(sql: string, params: readonly string[] = []): Promise<QueryAnswer> {
    const answer = await this.#send({ sql, params, format: "json" });
    const text = await answer.text();
    if (answer.status === 429) return { kind: "busy" };
    if (answer.status !== 200) throw new Error(`a query was answered ${answer.status}: ${text}`);
    return { kind: "rows", rows: rowsOf(JSON.parse(text)) };
  }

  /**
   * Asks, and reads the answer to its end without looking into it. Returns its bytes.
   * @throws Error it is not 200
   */
  async read(sql: string, format: "json" | "csv"): Promise<number> {
    const answer = await this.#send({ sql, params: [], format });
    if (answer.status !== 200) throw new Error(`a query was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.arrayBuffer()).byteLength;
  }

  #send(body: { sql: string; params: readonly string[]; format: string }): Promise<Response> {
    return fetch(this.#url, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(answerMsMax)]),
    });
  }
}

/**
 * The rows in the body of an answer.
 * @throws Error it has none
 */
export function rowsOf(body: unknown): readonly (readonly unknown[])[] {
  if (typeof body === "object" && body !== null && "rows" in body) {
    const { rows } = body;
    if (Array.isArray(rows) && rows.every((row) => Array.isArray(row))) return rows;
  }
  throw new Error(`not the rows of a query: ${JSON.stringify(body)}`);
}
