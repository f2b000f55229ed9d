/** What decides who is let in and lies where variables say: read at the start, and again when it changes. */
import { systemClock } from "../base/clock.ts";
import { ConfigInvalid } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { fileSource } from "../base/watched-content.ts";
import { WatchedFile, type WatchedOptions } from "../base/watched-file.ts";
import { isUrl, type NamedFiles } from "../config/config.ts";
import { FetchedKeySet, tellIgnored } from "../http/token/fetched-key-set.ts";
import { keySetBytesMax, parseKeySet } from "../http/token/key-set.ts";
import { nothingRevoked, parseRevoked, type Revoked, revokedBytesMax } from "../http/token/revoked.ts";
import type { KeySetSource } from "../http/token/verify.ts";
import { noWriteKeys, parseWriteKeys, type WriteKeys, writeKeysBytesMax } from "../http/token/write-keys.ts";

/** The current content of those files. */
export type Doors = {
  /** For tokens of others; undefined: no variable names one. */
  keySet: KeySetSource | undefined;
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
export async function openDoors(config: NamedFiles, log: Log, scope: AsyncDisposableStack): Promise<Doors> {
  const problems: string[] = [];
  const warnings: (() => string | undefined)[] = [];
  const watch = async <Content, Value>(options: Omit<WatchedOptions<Content, Value>, "log" | "clock">) => {
    try {
      const file = scope.use(await WatchedFile.open({ ...options, log, clock: systemClock }));
      const warning = `${options.variable}: what is there now cannot be used, so its last good content counts; the log says why`;
      warnings.push(() => (file.problem === undefined ? undefined : warning));
      return file;
    } catch (error) {
      if (!(error instanceof ConfigInvalid)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };

  const openKeySet = async (place: string): Promise<KeySetSource | undefined> => {
    const variable = "MILLRACE_JWKS";
    if (isUrl(place)) {
      const fetched = scope.use(await FetchedKeySet.open({ variable, url: place, log, clock: systemClock }));
      const warning = () =>
        fetched.current === undefined
          ? `${variable}: no key set could be fetched so far, so its tokens are answered with 503; the log says why`
          : `${variable}: the key set cannot be fetched, so the last good one counts; the log says why`;
      warnings.push(() => (fetched.problem === undefined ? undefined : warning()));
      return { current: () => fetched.current, refresh: () => fetched.refresh() };
    }
    const file = await watch({
      variable,
      source: fileSource(place, { bytesMax: keySetBytesMax }),
      parse: (text) => {
        const set = parseKeySet(text);
        tellIgnored(set, { variable, log });
        return set;
      },
    });
    return file && { current: () => file.value, refresh: async () => undefined };
  };

  const watchIfNamed = async <Value>(
    path: string | undefined,
    { bytesMax, ...options }: { variable: string; bytesMax: number; parse: (text: string) => Value },
  ) => (path === undefined ? undefined : await watch({ ...options, source: fileSource(path, { bytesMax }) }));

  const writeKeys = await watchIfNamed(config.writeKeysPath, {
    variable: "MILLRACE_WRITE_KEYS",
    bytesMax: writeKeysBytesMax,
    parse: parseWriteKeys,
  });
  const revoked = await watchIfNamed(config.revokedPath, {
    variable: "MILLRACE_REVOKED",
    bytesMax: revokedBytesMax,
    parse: parseRevoked,
  });
  const keySet = config.jwks === undefined ? undefined : await openKeySet(config.jwks);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return {
    keySet,
    writeKeys: () => writeKeys?.value ?? noWriteKeys,
    revoked: () => revoked?.value ?? nothingRevoked,
    warnings: () => warnings.map((warning) => warning()).filter((warning) => warning !== undefined),
  };
}
