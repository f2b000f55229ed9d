/** What decides who is let in and lies in files that variables name: read at the start, and again when it changes. */
import { systemClock } from "../base/clock.ts";
import { ConfigInvalid } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { fileSource } from "../base/watched-content.ts";
import { WatchedFile, type WatchedOptions } from "../base/watched-file.ts";
import type { Config } from "../config/config.ts";
import { nothingRevoked, parseRevoked, type Revoked, revokedBytesMax } from "../http/token/revoked.ts";
import { noWriteKeys, parseWriteKeys, type WriteKeys, writeKeysBytesMax } from "../http/token/write-keys.ts";

/** The current content of those files. */
export type Doors = {
  /** Another object once it has changed. */
  writeKeys: () => WriteKeys;
  /** Another object once it has changed. */
  revoked: () => Revoked;
  /** One sentence for each file that is not used as it is now. */
  warnings: () => readonly string[];
};

/**
 * Reads the files for the first time, and watches them until the scope closes.
 * @throws ConfigInvalid that lists all files that cannot be used, by variable
 */
export async function openDoors(config: Config, log: Log, scope: AsyncDisposableStack): Promise<Doors> {
  const problems: string[] = [];
  const watched: { variable: string; file: { readonly problem: string | undefined } }[] = [];
  const watch = async <Content, Value>(options: Omit<WatchedOptions<Content, Value>, "log" | "clock">) => {
    try {
      const file = scope.use(await WatchedFile.open({ ...options, log, clock: systemClock }));
      watched.push({ variable: options.variable, file });
      return file;
    } catch (error) {
      if (!(error instanceof ConfigInvalid)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };

  const writeKeys =
    config.writeKeysPath === undefined
      ? undefined
      : await watch({
          variable: "MILLRACE_WRITE_KEYS",
          source: fileSource(config.writeKeysPath, { bytesMax: writeKeysBytesMax }),
          parse: parseWriteKeys,
        });
  const revoked =
    config.revokedPath === undefined
      ? undefined
      : await watch({
          variable: "MILLRACE_REVOKED",
          source: fileSource(config.revokedPath, { bytesMax: revokedBytesMax }),
          parse: parseRevoked,
        });
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return {
    writeKeys: () => writeKeys?.value ?? noWriteKeys,
    revoked: () => revoked?.value ?? nothingRevoked,
    warnings: () =>
      watched
        .filter(({ file }) => file.problem !== undefined)
        .map(
          ({ variable }) =>
            `${variable}: what is there now cannot be used, so its last good content counts; the log says why`,
        ),
  };
}
