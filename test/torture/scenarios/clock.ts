/** A wall clock that jumps under load, and back. */
import { existsSync, writeFileSync } from "node:fs";
import { faultUnderLoad } from "../fault-under-load.ts";
import type { Scenario } from "../scenario.ts";

/** Debian's faketime; the thread-safe one. */
const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/** In libfaketime's syntax: an offset, or an absolute time that runs on from there. */
const jumps = [
  "+1h",
  "+1d",
  "-1h",
  "-1d",
  "+400d",
  "@1970-01-01 00:00:10",
  "@2038-01-20 00:00:00",
  "@2100-01-01 00:00:00",
];

/** Lifetime of tokens that are valid in all of these years. Seconds. */
const tokenSeconds = 90 * 365 * 86_400;

/** The wall clock is wrong for a while; the monotonic clock runs on. */
export const clock: Scenario = {
  name: "clock",
  summary: "the clock jumps an hour, a day, to 1970, 2038 or 2100, and back",
  rounds: 8,
  missing: () => (existsSync(library) ? undefined : "faketime is not installed"),
  run: (round) => {
    const { random, folder, note } = round;
    const jump = jumps[random.between({ from: 0, to: jumps.length - 1 })] ?? "+1h";
    const file = `${folder}/clock`;
    writeFileSync(file, "+0");
    note(`the clock jumps: ${jump}`);
    const isKept = random.onceIn(3);
    if (isKept) note("and the start afterwards has it, too");
    return faultUnderLoad(round, {
      lastsMs: random.between({ from: 300, to: 2_500 }),
      isMendedByRestart: isKept,
      service: {
        tokenSeconds,
        env: {
          LD_PRELOAD: library,
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        },
      },
      begin: async () => {
        writeFileSync(file, jump);
        return { [Symbol.asyncDispose]: async () => (isKept ? undefined : writeFileSync(file, "+0")) };
      },
    });
  },
};
