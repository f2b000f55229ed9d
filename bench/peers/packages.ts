/** Programs that come from Debian: looked for, and installed where this process may. */

/** A program, how to see that it is there, and where it comes from. */
export type Program = {
  /** Ends with 0 and prints a version where everything is there. */
  probe: readonly string[];
  /** Debian's names. */
  packages: readonly string[];
  /** Services that Debian would start by itself from the next boot on. */
  units: readonly string[];
};

/** The program's version, or the reason why it is missing. */
export type Provided = { kind: "there"; printed: string } | { kind: "missing"; reason: string };

/** Four packages with all that they need took 40 s on a slow line; past this a mirror hangs. ms */
const installMsMax = 300_000;

/** Most programs print their version at once; starting Python with its modules on a busy machine takes 2 s. ms */
const probeMsMax = 20_000;

/**
 * Installs without starting anything: `policy-rc.d` is Debian's way to say so, and is there only while this runs.
 * Arguments: packages, `--`, units.
 */
const installScript = `
set -eu
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
packages=
while [ "$1" != -- ]; do packages="$packages $1"; shift; done
shift
install() { apt-get install --yes --quiet=2 --no-install-recommends $packages; }
install || { apt-get update --quiet=2 && install; }
if [ -d /run/systemd/system ]; then
  for unit in "$@"; do systemctl disable --quiet "$unit"; done
fi
`;

/**
 * Finds a program, or installs it: as root, or by a sudo that asks nothing. Installing is never broken off by
 * `signal`, which would leave half a package.
 */
export async function provide(
  program: Program,
  { progress, signal }: { progress: (line: string) => void; signal: AbortSignal },
): Promise<Provided> {
  const found = await run(program.probe, probeMsMax);
  if (found.isWell) return { kind: "there", printed: found.printed };
  const names = program.packages.join(", ");
  const root = await asRoot();
  if (root === undefined)
    return { kind: "missing", reason: `not installed, and only root may: apt-get install ${names}` };
  signal.throwIfAborted();
  progress(`installing ${names} with apt-get; nothing of it is started by the system`);
  const command = [...root, "sh", "-c", installScript, "sh", ...program.packages, "--", ...program.units];
  const installed = await run(command, installMsMax);
  signal.throwIfAborted();
  if (!installed.isWell)
    return { kind: "missing", reason: `apt-get could not install ${names}: ${installed.lastLine}` };
  const again = await run(program.probe, probeMsMax);
  if (again.isWell) return { kind: "there", printed: again.printed };
  return { kind: "missing", reason: `${names} installed, and still: ${again.lastLine}` };
}

/** The prefix that makes root run a command; undefined if this process may not do that. */
async function asRoot(): Promise<readonly string[] | undefined> {
  if (Bun.which("apt-get") === null) return undefined;
  if (process.getuid?.() === 0) return [];
  return (await run(["sudo", "-n", "true"], probeMsMax)).isWell ? ["sudo", "-n"] : undefined;
}

async function run(
  command: readonly string[],
  msMax: number,
): Promise<{ isWell: boolean; printed: string; lastLine: string }> {
  const [program = ""] = command;
  if (Bun.which(program) === null) return { isWell: false, printed: "", lastLine: `there is no ${program}` };
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: msMax });
  const [printed, complaint] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const lastLine = `${printed}\n${complaint}`.trim().split("\n").at(-1) ?? "";
  return { isWell: child.exitCode === 0, printed: printed.trim(), lastLine };
}
