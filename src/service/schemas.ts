/**
 * The schemas of properties, read again when their folder changes. The main thread reads and compiles them, so that
 * nothing reaches the shards that is not a schema; the shards compile them again for themselves.
 */
import { systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { folderSource } from "../base/watched-content.ts";
import { WatchedFile } from "../base/watched-file.ts";
import type { Config, NamedFiles } from "../config/config.ts";
import { schemaFiles, schemaFolderBounds } from "../schema/files.ts";
import type { SchemaSet, SchemaSource } from "../schema/set.ts";
import { typedEventOf } from "../schema/typed-event.ts";
import { keepTypedEvents } from "../store/catalog/kept-typed-views.ts";
import type { TypedEvent } from "../store/catalog/typed-views.ts";
import type { DataFolder } from "../store/folder/names.ts";

/** What one content of the folder is. */
type Read = { source: SchemaSource; typedEvents: readonly TypedEvent[] };

/** The variable that names the folder. */
const variable = "MILLRACE_SCHEMAS";

/**
 * Reads the schemas for the first time, and watches them until the scope closes.
 * @throws ConfigInvalid naming the variable and each file that is not a schema
 */
export const openSchemas = async ({ schemas }: NamedFiles, log: Log, scope: AsyncDisposableStack): Promise<Schemas> =>
  scope.use(await Schemas.open(schemas, log));

/** The schemas of a service; none where no folder is configured. */
export class Schemas implements Disposable {
  /** What the shards are born with: the object is passed to them, and its member is replaced. */
  readonly shared: { source: SchemaSource | undefined };
  /** Called after a change, once `shared` has the new schemas. */
  onChange: () => void = () => undefined;
  #watched: WatchedFile<ReadonlyMap<string, string>, Read> | undefined;
  #typedEvents: readonly TypedEvent[] = [];
  #isKept = false;

  /**
   * Reads the folder for the first time.
   * @throws ConfigInvalid naming the variable and each file that is not a schema
   */
  static async open(schemas: Config["schemas"], log: Log): Promise<Schemas> {
    const opened = new Schemas();
    if (schemas === undefined) return opened;
    // Loads the validator, which takes 40 ms: not where nothing is validated.
    const { SchemaSet } = await import("../schema/set.ts");
    let before: SchemaSet | undefined;
    const parse = (texts: ReadonlyMap<string, string>): Read => {
      const source = { mode: schemas.mode, files: schemaFiles(texts) };
      const set = new SchemaSet(source, before);
      const typedEvents = [...set.compileAll()].map(([name, { schema }]) => typedEventOf(name, schema));
      before = set;
      return { source, typedEvents };
    };
    const onChange = (read: Read) => {
      opened.#take(read);
      opened.onChange();
    };
    const source = folderSource(schemas.folder, schemaFolderBounds);
    opened.#watched = await WatchedFile.open({ variable, source, parse, onChange, log, clock: systemClock });
    opened.#take(opened.#watched.value);
    return opened;
  }

  private constructor() {
    this.shared = { source: undefined };
  }

  #take({ source, typedEvents }: Read): void {
    this.shared.source = source;
    this.#typedEvents = typedEvents;
    this.#isKept = false;
  }

  /** Notes in the data folder which views the catalog has, unless that is done. */
  keepViews(folder: DataFolder): void {
    if (this.#isKept) return;
    keepTypedEvents(folder, this.#typedEvents);
    this.#isKept = true;
  }

  /** What a person should know, a sentence each. */
  get warnings(): readonly string[] {
    if (this.#watched?.problem === undefined) return [];
    return [`${variable}: what is there now cannot be used, so the last good schemas count; the log says why`];
  }

  [Symbol.dispose](): void {
    this.#watched?.[Symbol.dispose]();
  }
}
