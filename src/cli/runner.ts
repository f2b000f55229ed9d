/**
 * Watches the processes between a person and the service when a script of package.json started it: `bun run`, and npm
 * above it for `npx bun@1.4.5 run start`. A signal may go to any of them. `bun run` passes it on; npm and its shell end
 * without passing it on, so their end is detected here.
 *
 * A service started in another way (`bun src/cli/millrace.ts serve`, systemd, a container) watches no process. The
 * shell above a runner is not watched either: with `bun run start &` it may end while the service continues.
 */
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import packageJson from "../../package.json" with { type: "json" };

/** Scripts that `exec` this process, so that its parent is the process that ran the script. */
const scripts = ["start", "millrace"];

/** Pause between two checks. Each reads three files of `/proc`, which takes about 50 us. ms */
const lookMs = 200;

/** A process and its original parent. */
type Link = { pid: number; parent: number };

/**
 * Calls `ended` once when two checks found that one of this process's runners has ended; never if it has none. Does not
 * keep the process running. Returns a function that stops watching.
 */
export function whenRunnerEnds(ended: () => void): () => void {
  const chain = runnersOf(process.pid);
  let isNoticed = false;
  const timer = setInterval(() => {
    if (chain.every(({ pid, parent }) => parentOf(pid) === parent)) return;
    // A SIGHUP that ended the runner reaches this process, too, and its handler may run after this look.
    if (!isNoticed) {
      isNoticed = true;
      return;
    }
    clearInterval(timer);
    ended();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Whether the end of a terminal should end this process, too. Under `nohup`, `bun run` does not pass on that SIGHUP is
 * ignored; but then none of the three descriptors is a terminal.
 */
export const isOnTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor));

/** How a person would type a command here: `bun` is not on the path if npx started the service. */
export const millraceCommand = (): string =>
  runnersOf(process.pid).length > 1 ? `npx bun@${Bun.version} run millrace` : "bun run millrace";

/** The links from this process up to its topmost runner; empty if no script started it. */
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

/** Whether this is the shell in which npm runs one command and nothing else. */
function isShellOfNpm(pid: number): boolean {
  const [, option, command = ""] = commandOf(pid);
  return option === "-c" && /^bun run [^&;|]*$/.test(command.replaceAll(/['"]/g, ""));
}

const commandOf = (pid: number) => read(pid, "cmdline").split("\0");

/** The parent's id; undefined for a process that has ended, and on a system without `/proc`. */
function parentOf(pid: number): number | undefined {
  // The program's name, in brackets before it, may contain any character.
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
