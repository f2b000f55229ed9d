/**
 * Load generators written in C, compiled when they are needed by whatever compiler the machine has. What runs beside
 * the measured server must take little processor time and be on time to a fraction of a millisecond: a runtime with a
 * garbage collector and timers of a millisecond is neither.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** In `native/`, each a program. */
export type NativeName = "open-loop" | "resp-load";

/** There is no compiler, so that what needs a generator in C is skipped. */
export class CompilerMissing extends Error {
  override readonly name = "CompilerMissing";

  constructor() {
    super("there is no C compiler (cc, gcc or clang). On Debian or Ubuntu: apt-get install gcc libc6-dev");
  }
}

const compilers = ["cc", "gcc", "clang"];

/** Compiling takes half a second; on a busy machine a few. ms */
const compileMsMax = 60_000;

/** The machine's compiler; undefined where there is none. */
export function findCompiler(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const found = compilers.map((name) => Bun.which(name, { PATH: env["PATH"] ?? "" }));
  return found.find((path) => path !== null) ?? undefined;
}

/** Why no generator in C can run here, for a scenario that needs one; undefined if one can. */
export function compilerMissing(): string | undefined {
  return findCompiler() === undefined ? new CompilerMissing().message : undefined;
}

/**
 * Compiles a generator into a folder of this run, unless it is there already, and returns the path of the program.
 * @throws CompilerMissing
 * @throws Error it does not compile, or `signal` ended it
 */
export async function compileNative(
  name: NativeName,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<string> {
  const programPath = join(folder, "native", name);
  if (await Bun.file(programPath).exists()) return programPath;
  const compiler = findCompiler();
  if (compiler === undefined) throw new CompilerMissing();
  await mkdir(join(folder, "native"), { recursive: true });
  const sourcePath = fileURLToPath(new URL(`./native/${name}.c`, import.meta.url));
  const command = [compiler, "-O2", "-o", programPath, sourcePath, "-lm"];
  const compiling = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: compileMsMax });
  const [, complaint] = await Promise.all([compiling.stdout.text(), compiling.stderr.text(), compiling.exited]);
  signal.throwIfAborted();
  if (compiling.exitCode !== 0) throw new Error(`${compiler} did not compile ${sourcePath}:\n${complaint}`);
  return programPath;
}

/**
 * Runs a generator until it ends by itself, and returns what it printed and the processor time that it took.
 * @throws Error it failed, took longer than `secondsMax`, or `signal` ended it
 */
export async function runNative(
  programPath: string,
  values: Readonly<Record<string, string | number>>,
  { secondsMax, signal }: { secondsMax: number; signal: AbortSignal },
): Promise<{ printed: string; cpuSeconds: number }> {
  signal.throwIfAborted();
  const given = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  const generator = Bun.spawn([programPath, ...given], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: secondsMax * 1e3,
    signal,
  });
  const [printed, complaint] = await Promise.all([generator.stdout.text(), generator.stderr.text(), generator.exited]);
  signal.throwIfAborted();
  if (generator.exitCode !== 0)
    throw new Error(`the generator ended with ${generator.exitCode ?? generator.signalCode}: ${complaint}${printed}`);
  return { printed, cpuSeconds: Number(generator.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}
