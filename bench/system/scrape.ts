/** Reads what the service tells at `/metrics`. */

/**
 * The value of a counter without labels, out of Prometheus text.
 * @throws Error it is not there
 */
export function counterIn(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no ${name} among the metrics`);
  return Number(line.slice(name.length + 1));
}
