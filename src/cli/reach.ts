/**
 * Finds a server for one command: the one that runs on the folder, or one that is started for the command and stopped
 * with it. So a command works the same way whether a server runs or not.
 */
import { resolve } from "node:path";
import { DataFolderRefused, MillraceError, messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { signToken } from "../http/token/hs256.ts";
import { signingSecretOf } from "../http/token/keys.ts";
import type { Scope } from "../http/token/principal.ts";
import type { Service } from "../service/service.ts";
import { startService } from "../service/start.ts";
import { readKeptText } from "../store/folder/kept-file.ts";
import { prepareDataFolder, requireDataFolder } from "../store/folder/layout.ts";
import { FolderInUse } from "../store/folder/lock.ts";
import { type DataFolder, dataFolder } from "../store/folder/names.ts";

/** The server refused the request; the message is the server's. */
class CommandRefused extends MillraceError {
  override readonly name = "CommandRefused";
}

/** A connection to a server, with a token. */
export type Reached = AsyncDisposable & {
  /** Posts a value as JSON and returns the answer. Throws CommandRefused unless the status is 2xx. */
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
};

/** Longest wait for an address: a server that is starting takes the lock before it has one. ms */
const addressMsMax = 10_000;

/** Lifetime of the token: as long as a command may take. Seconds. */
const tokenSeconds = 24 * 3_600;

/**
 * Reaches the server of a folder that is there, or starts one on a port of its own.
 * @throws PlaceRefused when there is no data folder; DataFolderRefused as reachServer
 */
export async function reachFolder(config: Config, scope: Scope): Promise<Reached> {
  requireDataFolder(dataFolder(resolve(config.dataDir)));
  return reachServer(config, scope);
}

/**
 * Reaches the folder's server, or starts one on a port of its own; makes a folder that is missing.
 * @throws DataFolderRefused when the folder cannot be served, or its server cannot be found
 */
export async function reachServer(config: Config, scope: Scope): Promise<Reached> {
  const folder = prepareDataFolder(config.dataDir);
  let own: Service | undefined;
  let address: string | undefined;
  try {
    // The user of a command wants its output, not a server's log.
    const logLevel = process.env["MILLRACE_LOG"] === undefined ? "warn" : config.logLevel;
    // Alerts are for a service that stays: they need not be measured while a command runs.
    own = await startService({ ...config, host: "127.0.0.1", port: 0, logLevel, alerts: undefined });
    address = own.address;
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    address = await addressOf(folder.address);
  }
  const token = await commandToken(folder, config, scope);
  return {
    post: (path, body) => post(`${address}/api/v1/analytics/${path}`, { body, token }),
    [Symbol.asyncDispose]: async () => {
      await own?.stop();
    },
  };
}

/** A token for one command. */
export const commandToken = (folder: DataFolder, config: Config, scope: Scope): Promise<string> =>
  signToken(signingSecretOf(folder, config).secret, {
    // The command has no authenticated user, so a receipt says NULL and not a name from the environment.
    subject: undefined,
    scope,
    ttlSeconds: tokenSeconds,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    nowMs: Date.now(),
  });

async function addressOf(path: string): Promise<string> {
  const endMs = performance.now() + addressMsMax;
  while (performance.now() < endMs) {
    const kept = readKeptText(path);
    if (kept.kind === "sound" && (await answers(kept.value))) return kept.value;
    if (kept.kind === "damaged")
      throw new DataFolderRefused(`${path} ${kept.why}: start the server again, which writes it`);
    await Bun.sleep(100);
  }
  throw new DataFolderRefused("a server holds the data folder, and does not answer where it said that it listens");
}

async function answers(address: string): Promise<boolean> {
  try {
    await fetch(`${address}/api/v1/analytics/health`);
    return true;
  } catch {
    return false;
  }
}

async function post(url: string, { body, token }: { body: unknown; token: string }): Promise<Record<string, unknown>> {
  const { response, answer } = await answered(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    // Bun would give up after five minutes.
    timeout: false,
  });
  const fields = typeof answer === "object" && answer !== null ? Object.fromEntries(Object.entries(answer)) : {};
  if (response.ok) return fields;
  const { detail } = fields;
  throw new CommandRefused(typeof detail === "string" ? detail : JSON.stringify(detail ?? response.status));
}

async function answered(url: string, request: BunFetchRequestInit): Promise<{ response: Response; answer: unknown }> {
  try {
    const response = await fetch(url, request);
    return { response, answer: await response.json() };
  } catch (error) {
    throw new CommandRefused(
      `the server ended or broke off before it answered (${messageOf(error)}); give the command again, what is done stays done`,
      { cause: error },
    );
  }
}
