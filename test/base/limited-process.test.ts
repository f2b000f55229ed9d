/** A process of our own starts whatever its memory limit is. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { limitedProcess } from "../../src/base/limited-process.ts";
import { temporaryFolder } from "../support/rows.ts";

test("a process starts with a limit just above what the runtime reserves, too", async () => {
  using place = temporaryFolder();
  const entry = join(place.path, "entry.ts");
  await Bun.write(entry, 'process.stdout.write("started");');
  for (const memoryMiB of [512, 1_024, 1_025, 1_100, 2_049, 2_100, 4_928]) {
    const { command, env } = limitedProcess({ entry, args: [], memoryMiB });
    const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    expect([memoryMiB, await child.stdout.text()]).toEqual([memoryMiB, "started"]);
  }
});
