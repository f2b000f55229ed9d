/** Processes that tests start: each one's output is kept, and none outlives the run. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { codeOf } from "../../src/base/errors.ts";

/** The repository. */
export const repoRoot = resolve(import.meta.dirname, "../..");

/** The command line's entry. */
export const entryPath = join(repoRoot, "src/cli/millrace.ts");

/** A child's output as it comes. */
export class Output {
  text = "";
  readonly ended: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#collect(stream);
  }

  async #collect(stream: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.text += decoder.decode(bytes, { stream: true });
  }
}

/** A process that a test started. */
export interface Started {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** The processes that this run started and that have not ended; killed by their ids should the run itself end. */
const living = new Set<Started["child"]>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** The environment of this run without what would configure a service, and then `env`. */
export function cleanEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("MILLRACE_") && !["HOST", "PORT", "NODE_ENV"].includes(name),
  );
  return { ...Object.fromEntries(kept), ...env };
}

/** Starts a command and collects what it prints. */
export function spawn(
  command: readonly string[],
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd?: string },
): Started {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? repoRoot,
    env: cleanEnv(options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  living.add(child);
  child.exited.finally(() => living.delete(child));
  return { child, stdout: new Output(child.stdout), stderr: new Output(child.stderr) };
}

/** What the kernel tells under `/proc`; nothing of a thread or process that has ended meanwhile. */
export function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}

/** Whether it is over, by itself or by a signal. */
export function ended({ child }: Started): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The threads of a process; none of one that has ended meanwhile. */
export function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Processes that a process started and that still run, whoever of its threads started them. */
export function childrenOf(pid: number): number[] {
  return tasksOf(pid).flatMap((task) =>
    readProc(`${pid}/task/${task}/children`)
      .split(" ")
      .filter((word) => word !== "")
      .map(Number),
  );
}

/**
 * The file that a limited process of the service runs; undefined of another process, and while it still is the shell
 * that starts it.
 */
export const programOf = (pid: number): string | undefined =>
  /^[^\0]*bun[^\0]*\0--no-orphans\0([^\0]+)/.exec(readProc(`${pid}/cmdline`))?.[1];

/** A thread's nice value, by default the main thread's; NaN when it has ended. The 19th field of proc_pid_stat(5). */
export const nicenessOf = (pid: number, task: number | string = pid): number =>
  Number(readProc(`${pid}/task/${task}/stat`).split(") ")[1]?.split(" ")[16]);

/** Processes below a process: its children, and theirs. */
export const descendantsOf = (pid: number): number[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
