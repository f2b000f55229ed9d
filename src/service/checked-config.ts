/** The configuration of a start, with everything listed that is wrong with it. */
import { ConfigInvalid } from "../base/errors.ts";
import { openLog } from "../base/log.ts";
import { type Config, type Environment, filesNamed, readConfig } from "../config/config.ts";
import { openAlertFiles } from "./alert-files.ts";
import { openDoors } from "./doors.ts";
import { openSchemas } from "./schemas.ts";

/**
 * Reads the configuration. The files that variables name are read by the start itself; only where it does not come to
 * that, they are read here, so that a person learns of all problems at once.
 * @throws ConfigInvalid that lists what is wrong with variables and with the files that they name
 */
export async function checkedConfig(environment: Environment): Promise<Config> {
  try {
    return readConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    throw new ConfigInvalid([...error.problems, ...(await fileProblems(environment))]);
  }
}

async function fileProblems(environment: Environment): Promise<string[]> {
  await using scope = new AsyncDisposableStack();
  const files = filesNamed(environment);
  const log = openLog("silent", "service");
  const opened = await Promise.allSettled([
    openDoors(files, log, scope),
    openSchemas(files, log, scope),
    openAlertFiles(files, log, scope),
  ]);
  return opened.flatMap((each) => (each.status === "rejected" ? problemsOf(each.reason) : []));
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigInvalid) return error.problems;
  throw error;
}
