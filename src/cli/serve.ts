/** `millrace serve`: runs a service, handles signals, and prints what a newcomer needs. */
import { Command } from "@commander-js/extra-typings";
import { openLog } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { variables } from "../config/variables.ts";
import { signToken } from "../http/token/hs256.ts";
import { checkedConfig } from "../service/checked-config.ts";
import type { Service } from "../service/service.ts";
import { startService } from "../service/start.ts";
import { isOnTerminal, millraceCommand, whenRunnerEnds } from "./runner.ts";

const variableHelp = Object.entries(variables)
  .map(([name, [fallback, meaning]]) => `  ${name.padEnd(32)} ${meaning} (default: ${fallback})`)
  .join("\n");

/** Serves until a signal comes. */
export const serveCommand = new Command("serve")
  .description("run the service")
  .addHelpText("after", `\nEnvironment:\n${variableHelp}`)
  .action(serve);

/** The contract allows a stop 10 s. What is not sealed within this time stays in the journal for the next start. ms */
const stopMsMax = 9_000;

/** Lifetime of the token in the `curl` line of a first start. Seconds. */
const firstTokenSeconds = 3_600;

/**
 * A terminal and a wrapper may each deliver the same signal, so a second one counts as a person's only after this time.
 * ms
 */
const sameSignalMs = 500;

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

async function serve(): Promise<void> {
  const config = await checkedConfig(process.env);
  const started = Promise.withResolvers<Service | undefined>();
  const stopping = new AbortController();
  stopOnSignals(() => {
    stopping.abort();
    setTimeout(() => endUnsealed(config), stopMsMax).unref();
    stopWhenStarted(started.promise);
  });
  try {
    const service = await startService(config, {
      onLost: (why) => endAtOnce(why, config),
      signal: stopping.signal,
    });
    const { address } = service;
    if (address !== undefined) {
      if (service.secret.isNew) await greet(service.secret.secret, { address, config });
      process.stdout.write(`listening on ${address}\n`);
    }
    started.resolve(service);
  } catch (error) {
    started.resolve(undefined);
    throw error;
  }
}

/**
 * Calls `stop` once, at the first of: SIGINT, SIGTERM, the end of a runner (it may have got the signal and not passed
 * it on), and the end of the terminal, if there is one. A second SIGINT or SIGTERM ends the process at once.
 */
function stopOnSignals(stop: () => void): void {
  let stoppingSinceMs: number | undefined;
  const first = () => {
    if (stoppingSinceMs !== undefined) return;
    stoppingSinceMs = performance.now();
    stop();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (stoppingSinceMs !== undefined && performance.now() - stoppingSinceMs > sameSignalMs)
        process.exit(128 + signalNumbers[signal]);
      first();
    });
  const stopWatching = whenRunnerEnds(first);
  // Without a terminal the service runs in the background, by `nohup` for instance. SIGHUP then ends npm all the same,
  // so its end must not stop the service.
  process.on("SIGHUP", isOnTerminal() ? first : stopWatching);
}

/** Stops the service, waiting for its start if needed, and exits with 0 if everything is sealed, otherwise 1. */
async function stopWhenStarted(started: Promise<Service | undefined>): Promise<void> {
  const service = await started;
  // A failed start reports its reason and ends the process itself.
  if (service !== undefined) process.exit((await service.stop()) ? 0 : 1);
}

/** Ends a stop that takes too long; the journal keeps what is not sealed. */
function endUnsealed({ logLevel }: Config): void {
  const seconds = stopMsMax / 1_000;
  openLog(logLevel, "service").warn(`not everything was sealed within ${seconds} s; the next start seals the rest`);
  process.exit(1);
}

/**
 * Exits without another write and without sealing: another server may own the folder. What was accepted is in the
 * journals; nothing is acknowledged after that.
 */
function endAtOnce(why: string, { logLevel }: Config): void {
  openLog(logLevel, "service").error({ why }, "the data folder is no longer this server's; ending at once");
  process.exit(1);
}

/**
 * Prints the greeting of a first start without configuration: how to make a token, a line to paste, and where to look.
 * The line holds a live token only on a terminal, because others read files and log collectors, which keep it.
 */
async function greet(secret: string, { address, config }: { address: string; config: Config }): Promise<void> {
  const make = `${millraceCommand()} token --subject me`;
  const token = process.stdout.isTTY ? await firstToken(secret, config) : undefined;
  const lines = [
    "A secret was made and is kept in the data folder. Make a token with",
    `  ${make}`,
    token === undefined ? "Send a first event with" : "Send a first event with (this token is good for an hour)",
    `  curl -X POST ${address}/api/v1/analytics -H "Authorization: Bearer ${token ?? `$(${make})`}" -H 'Content-Type: application/json' -d '{"event_name":"hello","properties":{"answer":42}}'`,
    `Look at ${address}/ in a browser, with a token of`,
    `  ${make} --scope "stats:read query"`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

const firstToken = (secret: string, config: Config): Promise<string> =>
  signToken(secret, {
    subject: "me",
    scope: undefined,
    ttlSeconds: firstTokenSeconds,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    nowMs: Date.now(),
  });
