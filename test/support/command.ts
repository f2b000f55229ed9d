/** Commands of the command line, run to their end. */
import { entryPath, spawn } from "./process.ts";
import { until } from "./until.ts";

/** What a command left behind. */
export interface Ended {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Default 20 s, times `patience`; then it is killed and the call fails. */
  readonly limitMs?: number;
}

/** Runs `millrace …` and waits for its end. */
export async function millrace(words: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return await runToEnd([process.execPath, entryPath, ...words], options);
}

/** Runs any command and waits for its end. */
export async function runToEnd(command: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { child, stdout, stderr } = spawn(command, {
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  try {
    await until(() => child.exitCode !== null || child.signalCode !== null, {
      what: `the end of ${command.join(" ")}`,
      limitMs: options.limitMs ?? 20_000,
      state: () => `${stdout.text}\n${stderr.text}`,
    });
  } finally {
    child.kill("SIGKILL");
  }
  await Promise.all([stdout.ended, stderr.ended]);
  return { code: child.exitCode, stdout: stdout.text, stderr: stderr.text };
}
