/** The SDKs that are compared: installed, bundled to be weighed, and run as programs of their own under Node. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "../core/scenario.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const clientFolder = fileURLToPath(new URL("../../src/client", import.meta.url));

/** By the name that `send.mjs` knows them by. The package; undefined for the client of this project. */
export const sdks = {
  millrace: undefined,
  posthog: "posthog-node",
  segment: "@segment/analytics-node",
  rudder: "@rudderstack/rudder-sdk-node",
} as const;

/** One of them. */
export type Sdk = keyof typeof sdks;

/** The longest of their own waits is 30 s. ms */
const programMsMax = 60_000;
const installMsMax = 120_000;

/**
 * Installs the SDKs, as their lock file pins them.
 * @throws Error they cannot be had
 */
export async function installSdks({ signal }: Bench): Promise<void> {
  const command = [process.execPath, "install", "--frozen-lockfile", "--silent", "--cwd", here];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: installMsMax, signal });
  const [complaint] = await Promise.all([child.stderr.text(), child.exited]);
  if (child.exitCode !== 0) throw new Error(`the SDKs could not be installed: ${complaint.trim()}`);
}

/** Builds the client as its package has it, and returns its folder. */
export async function buildClient({ folder }: Bench): Promise<string> {
  const to = join(folder, "client");
  await Bun.write(join(to, "client.js"), await bundled(join(clientFolder, "client.ts"), "browser"));
  await Bun.write(join(to, "outbox.js"), await bundled(join(clientFolder, "outbox.ts"), "node"));
  return to;
}

/** What an application that uses an SDK has to load: all of it in one minified module, compressed. Bytes. */
export async function weigh(sdk: Sdk, { folder }: Bench): Promise<number> {
  const name = sdks[sdk];
  if (name === undefined) return Bun.gzipSync(await bundled(join(clientFolder, "client.ts"), "browser")).byteLength;
  const entry = join(folder, `${sdk}.ts`);
  await Bun.write(entry, `export * from ${JSON.stringify(Bun.resolveSync(name, here))};`);
  return Bun.gzipSync(await bundled(entry, "node")).byteLength;
}

/** How a program of an SDK is run. */
export type Order = { sdk: Sdk; what: "natural" | "ended" | "killed"; events: number; env: Record<string, string> };

/**
 * Runs a program to its end, and returns what one call of `track` took. us
 * @throws Error it fails otherwise than by the signal that it sends itself, or does not end
 */
export async function runProgram({ sdk, what, events, env }: Order, signal: AbortSignal): Promise<number> {
  const child = Bun.spawn(["node", join(here, "send.mjs")], {
    env: { ...process.env, ...env, SDK: sdk, CASE: what, EVENTS: `${events}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: programMsMax,
    signal,
  });
  const [printed, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  signal.throwIfAborted();
  const isWell = what === "killed" ? child.signalCode === "SIGKILL" : child.exitCode !== null;
  if (!isWell) throw new Error(`${sdk}, ${what}: ended by ${child.signalCode ?? child.exitCode}: ${complaint}`);
  return Number(/^us:(.*)$/m.exec(printed)?.[1] ?? Number.NaN);
}

async function bundled(entry: string, target: "browser" | "node"): Promise<string> {
  const { outputs } = await Bun.build({ entrypoints: [entry], target, format: "esm", minify: true });
  return (await Promise.all(outputs.map((output) => output.text()))).join("");
}
