/** The files of alerts, read again when their folder changes. */
import { type Alert, alertFolderBounds, alertsOf } from "../alerts/alert.ts";
import { systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { folderSource } from "../base/watched-content.ts";
import { WatchedFile } from "../base/watched-file.ts";
import type { NamedFiles } from "../config/config.ts";

/** The alerts as their files say now; undefined where no folder is configured. */
export type AlertFiles = { alerts: () => readonly Alert[]; warnings: () => readonly string[] } | undefined;

/** The variable that names the folder. */
const variable = "MILLRACE_ALERTS";

/**
 * Reads the files for the first time, and watches them until the scope closes.
 * @throws ConfigInvalid naming the variable and each fault by file and member
 */
export async function openAlertFiles(
  { alerts: folder }: NamedFiles,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<AlertFiles> {
  if (folder === undefined) return undefined;
  const source = folderSource(folder, alertFolderBounds);
  const watched = scope.use(await WatchedFile.open({ variable, source, parse: alertsOf, log, clock: systemClock }));
  const warning = `${variable}: what is there now cannot be used, so the last good alerts count; the log says why`;
  return { alerts: () => watched.value, warnings: () => (watched.problem === undefined ? [] : [warning]) };
}
