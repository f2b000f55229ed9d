import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "./until.ts";

/** Removes a folder that a running service uses, with all that is in it now. What is written just then may keep it. */
export async function removeFolder(path: string): Promise<void> {
  const before = readdirSync(path).map((name) => join(path, name));
  const remove = () => {
    rmSync(path, { recursive: true, force: true, maxRetries: 10 });
    return !before.some((each) => existsSync(each));
  };
  await until(remove, { what: "the folder to be gone", limitMs: 10_000 });
}
