/**
 * The processes that stand between a person and the service, where a script of package.json started it: `bun run`, and
 * npm above it for `npx bun@1.4.5 run start`. A signal may come to any of them. `bun run` passes it on; npm and its
 * shell end without a word, so their end is noticed here.
 *
 * A service that nothing of this kind started (`bun src/cli/millrace.ts serve`, systemd, a container) watches nobody,
 * and neither is the shell above a runner watched: with `bun run start &` it may end while the service stays.
 */
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import packageJson from "../../package.json" with { type: "json" };

/** The scripts that become this process by `exec`, so that its parent is what ran the script. */
const scripts = ["start", "millrace"];

/** How soon an end is noticed. Three files of `/proc` are read each time: about 50 us. ms */
const lookMs = 200;

/** A process and the parent that it had at first. */
type Link = { pid: number; parent: number };

/**
 * Calls `ended` once when one of the runners of this process has ended; never where there is none. Does not keep the
 * process running. Gives a function that ends the watch.
 */
export function whenRunnerEnds(ended: () => void): () => void {
  const chain = runnersOf(process.pid);
  const timer = setInterval(() => {
    if (chain.every(({ pid, parent }) => parentOf(pid) === parent)) return;
    clearInterval(timer);
    ended();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Whether the end of a terminal ends this process, too. `bun run` does not pass on that `nohup` has SIGHUP ignored; but
 * then none of the three is a terminal.
 */
export const isOnTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor));

/** What runs a command here, as a person would type it: `bun` is not on the path where npx started the service. */
export const millraceCommand = (): string =>
  runnersOf(process.pid).length > 1 ? `npx bun@${Bun.version} run millrace` : "bun run millrace";

/** From this process up to its topmost runner; empty where it was not started by a script. */
function runnersOf(pid: number): Link[] {
  const { npm_package_name: name, npm_lifecycle_event: script = "" } = process.env;
  const runner = parentOf(pid);
  if (name !== packageJson.name || !scripts.includes(script) || runner === undefined) return [];
  const chain: Link[] = [{ pid, parent: runner }];
  const above = parentOf(runner);
  if (above === undefined) return chain;
  if (isNpm(above)) return [...chain, { pid: runner, parent: above }];
  const top = parentOf(above);
  if (top === undefined || !isShellOfNpm(above) || !isNpm(top)) return chain;
  return [...chain, { pid: runner, parent: above }, { pid: above, parent: top }];
}

/** `npm exec bun@1.4.5 run start`, as npm titles itself, or the script behind `npx`. */
const isNpm = (pid: number) => /^(npm\b|npx\b|node (\S*\/)?(npm|npx)(-cli\.js)?\b)/.test(commandOf(pid).join(" "));

/** The shell that npm runs one command with, and nothing else beside it. */
function isShellOfNpm(pid: number): boolean {
  const [, option, command = ""] = commandOf(pid);
  return option === "-c" && /^bun run [^&;|]*$/.test(command.replaceAll(/['"]/g, ""));
}

const commandOf = (pid: number) => read(pid, "cmdline").split("\0");

/** Undefined for a process that has ended, and where the system has no `/proc`. */
function parentOf(pid: number): number | undefined {
  // The name of the program, in brackets before it, may hold anything.
  const [, parent] = /^.*\) \S (\d+) /s.exec(read(pid, "stat")) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

function read(pid: number, file: "cmdline" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}
