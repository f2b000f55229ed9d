/** What the command of the README that starts the service gives it. */
import packageJson from "../../package.json" with { type: "json" };

/**
 * The variables that a start script sets unless the caller has: `export NAME=${NAME:-VALUE}`. The benchmark starts the
 * service without the script, whose installation of packages is not a part of a start.
 */
export function variablesOf(script: string): Record<string, string> {
  const found = script.matchAll(/export (\w+)=\$\{\1:-(\w+)\}/g);
  return Object.fromEntries(Array.from(found, ([, name = "", value = ""]) => [name, value]));
}

/** The variables of `bun run start`. */
export const startVariables: Readonly<Record<string, string>> = variablesOf(packageJson.scripts.start);
