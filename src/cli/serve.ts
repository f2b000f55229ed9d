/** `millrace serve`: a service, its signals, and what a newcomer needs to see. */
import { Command } from "@commander-js/extra-typings";
import { type Config, readConfig, variables } from "../config/config.ts";
import { signToken } from "../http/auth.ts";
import { Service } from "../service.ts";

const variableHelp = Object.entries(variables)
  .map(([name, [fallback, meaning]]) => `  ${name.padEnd(32)} ${meaning} (default: ${fallback})`)
  .join("\n");

/** Serves until a signal comes. */
export const serveCommand = new Command("serve")
  .description("run the service")
  .addHelpText("after", `\nEnvironment:\n${variableHelp}`)
  .action(serve);

/** The contract gives a stop 10 s; what is not sealed by then stays in the journal for the next start. ms */
const stopMsMax = 9_000;

/** Lifetime of the token in the curl line of a first start. Seconds. */
const firstTokenSeconds = 3_600;

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const started = Promise.withResolvers<Service | undefined>();
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (isStopping) process.exit(128 + signalNumbers[signal]);
      isStopping = true;
      setTimeout(() => process.exit(1), stopMsMax).unref();
      stopWhenStarted(started.promise);
    });
  try {
    const service = await Service.start(config);
    if (service.secret.isNew) await greet(service, config);
    process.stdout.write(`listening on ${service.address}\n`);
    started.resolve(service);
  } catch (error) {
    started.resolve(undefined);
    throw error;
  }
}

/** Stops the service, also one that is still starting, and ends the process: with 0 when everything is sealed. */
async function stopWhenStarted(started: Promise<Service | undefined>): Promise<void> {
  const service = await started;
  // A start that failed meanwhile tells its reason and ends the process itself.
  if (service !== undefined) process.exit((await service.stop()) ? 0 : 1);
}

/** What a first start without configuration says: how to get a token, and a line to paste. */
async function greet(service: Service, config: Config): Promise<void> {
  const token = await signToken(service.secret.secret, {
    subject: "me",
    scope: undefined,
    ttlSeconds: firstTokenSeconds,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    nowMs: Date.now(),
  });
  const lines = [
    "A secret was made and is kept in the data folder. Make a token with",
    "  bun run millrace token --subject me",
    "Send a first event with (this token is good for an hour)",
    `  curl -X POST ${service.address}/api/v1/analytics -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"event_name":"hello","properties":{"answer":42}}'`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
