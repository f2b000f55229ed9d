/**
 * A service whose wall clock a test sets while it runs; its monotonic clock goes on as ever. By libfaketime (Debian:
 * faketime).
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clock for a process and for all that it starts. */
export interface FakeClock extends Disposable {
  /** To be put into the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets the clock: `+2d`, `-3h`, `+0`, or `@2100-01-01 12:00:00` in UTC, from which it goes on. */
  set(time: string): void;
}

/** A clock that shows this. Where libfaketime is missing, says so in one line and gives nothing. */
export function fakeClock(time = "+0"): FakeClock | undefined {
  const [library] = [...new Bun.Glob("*/faketime/libfaketimeMT.so.1").scanSync({ cwd: "/usr/lib", absolute: true })];
  if (library === undefined) {
    console.warn("skipped: libfaketime is not installed (Debian: faketime)");
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "millrace-clock-"));
  const file = join(folder, "time");
  const set = (text: string) => {
    // By rename: the process must not read half of it.
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  set(time);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      TZ: "UTC",
    },
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
