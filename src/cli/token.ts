/** `millrace token`: one token on standard output, and nothing else. */
import { Command } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { readConfig } from "../config/config.ts";
import { scopes, signToken } from "../http/auth.ts";
import { secretOf } from "../http/keys.ts";
import { prepareDataFolder } from "../store/layout.ts";

/** Prints a token for the service of this configuration. */
export const tokenCommand = new Command("token")
  .description("print one token, signed with the service's secret")
  .requiredOption("--subject <name>", "who sends: the token's sub, and the column subject")
  .option("--scope <scopes>", `what it is for, of ${scopes.join(", ")}; without, it writes events and reads stats`)
  .option("--ttl <duration>", "how long it is good for: 30s, 15m, 1h, 90d", "1h")
  .action(async (options) => {
    const config = readConfig(process.env);
    const secret = config.jwtSecret ?? secretOf(prepareDataFolder(config.dataDir)).secret;
    const token = await signToken(secret, {
      subject: options.subject,
      scope: options.scope,
      ttlSeconds: secondsOf(options.ttl),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      nowMs: Date.now(),
    });
    process.stdout.write(`${token}\n`);
  });

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration such as `90d`, in seconds. */
function secondsOf(duration: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(duration);
  const seconds = Number(match?.[1]) * (unitSeconds[match?.[2] ?? ""] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new ConfigInvalid([`--ttl: must be a number and a unit (30s, 15m, 1h, 90d), not ${JSON.stringify(duration)}`]);
}
