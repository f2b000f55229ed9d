/** `millrace token`: one token on standard output, and nothing else. */
import { Command } from "@commander-js/extra-typings";
import { ConfigInvalid } from "../base/errors.ts";
import { secondsOfDuration } from "../base/time.ts";
import { readConfig } from "../config/config.ts";
import { headerCharsMax } from "../http/token/credential.ts";
import { signToken } from "../http/token/hs256.ts";
import { signingSecretOf } from "../http/token/keys.ts";
import { scopes } from "../http/token/principal.ts";
import { subjectBytesMax } from "../shard/bundle.ts";
import { prepareDataFolder } from "../store/folder/layout.ts";

/** Prints a token for the service of this configuration. */
export const tokenCommand = new Command("token")
  .description("print one token, signed with the service's secret")
  .requiredOption("--subject <name>", "who sends: the token's sub, and the column subject")
  .option("--scope <scopes>", `what it is for, of ${scopes.join(", ")}; without, it writes events and reads stats`)
  .option("--ttl <duration>", "how long it is good for: 30s, 15m, 1h, 90d; 3650d at most", "1h")
  .action(async (options) => {
    const problems: string[] = [];
    const ttlSeconds = secondsOf(options.ttl, problems);
    requireSubject(options.subject, problems);
    if (options.scope !== undefined) requireScopes(options.scope, problems);
    if (problems.length > 0) throw new ConfigInvalid(problems);
    const config = readConfig(process.env);
    if (config.hs256 === "off")
      throw new ConfigInvalid([
        "MILLRACE_HS256: is off, so no token of this command counts; the issuer of MILLRACE_JWKS makes them",
      ]);
    const { secret } = signingSecretOf(prepareDataFolder(config.dataDir), config);
    const token = await signToken(secret, {
      subject: options.subject,
      scope: options.scope,
      ttlSeconds,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      nowMs: Date.now(),
    });
    if (`Bearer ${token}`.length > headerCharsMax)
      throw new ConfigInvalid([
        `--subject: too long: the service takes headers of ${headerCharsMax} characters at most`,
      ]);
    process.stdout.write(`${token}\n`);
  });

/**
 * Ten years; a token needed for longer must be renewed. A token can be revoked early only by changing the key. Seconds.
 */
const ttlSecondsMax = 3_650 * 86_400;

/** Parses a duration such as `90d` into seconds; adds what is wrong with it to `problems`. */
function secondsOf(duration: string, problems: string[]): number {
  const seconds = secondsOfDuration(duration) ?? 0;
  if (seconds > 0 && seconds <= ttlSecondsMax) return seconds;
  const expected = "a number and a unit (30s, 15m, 1h, 90d), more than 0 and 3650d at most";
  problems.push(`--ttl: must be ${expected}, not ${JSON.stringify(duration)}`);
  return 0;
}

function requireSubject(subject: string, problems: string[]): void {
  const bytes = Buffer.byteLength(subject);
  if (subject.trim() === "") problems.push("--subject: must not be empty");
  else if (bytes > subjectBytesMax)
    problems.push(`--subject: must have at most ${subjectBytesMax} bytes, not ${bytes}`);
}

/** An unknown scope is a typo: its token would be refused when it is used. */
function requireScopes(given: string, problems: string[]): void {
  const names = given.split(" ");
  const known: readonly string[] = scopes;
  const wrong = names.filter((name) => !known.includes(name));
  if (wrong.length > 0)
    problems.push(
      `--scope: must be one or more of ${scopes.join(", ")}, separated by single spaces, not ${JSON.stringify(given)}`,
    );
}
