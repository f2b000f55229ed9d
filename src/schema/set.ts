/** The schemas of a service, as validation uses them. */
import type { ErrorObject } from "ajv";
import { ContentRefused } from "../base/watched-content.ts";
import type { SchemaMode } from "../config/config.ts";
import type { Issue } from "../event/parse/issue.ts";
import type { PropertiesPlace, PropertySchemas } from "../event/parse/property-schemas.ts";
import { keyHash } from "../event/transcribe/key-hash.ts";
import { type CompiledSchema, compileSchema } from "./compile.ts";
import { faultText, issueOf } from "./faults.ts";
import type { SchemaFile } from "./files.ts";

/** Everything that a set is made of: plain data, which threads pass on. */
export type SchemaSource = { mode: SchemaMode; files: readonly SchemaFile[] };

/** An event that did not fit. `fault` shows nothing of the event. */
export type Misfit = { eventName: string; fault: string };

/** Events of one body that did not fit, and whether they were refused for it. */
export type Misfits = { misfits: readonly Misfit[]; isRefused: boolean };

/** Most faults of one event that a 422 lists: an answer must not grow with the body. */
const issuesMax = 20;

/** Properties past this size get their first fault alone: each item of a long list could be one. Characters of JSON. */
const listedCharsMax = 64 * 1024;

/** A schema that is compiled when the first event of its name comes: a thread does not wait for all at once. */
class LazySchema {
  readonly file: SchemaFile;
  #compiled: CompiledSchema | undefined;

  constructor(file: SchemaFile) {
    this.file = file;
  }

  /** @throws ContentRefused naming the file, if it is not a schema */
  get compiled(): CompiledSchema {
    this.#compiled ??= compileSchema(this.file);
    return this.#compiled;
  }
}

/** Schemas by event name, and what did not fit. */
export class SchemaSet implements PropertySchemas {
  readonly mode: SchemaMode;
  readonly nameHashes = new Set<number>();
  readonly #schemas = new Map<string, LazySchema>();
  #misfits: Misfit[] = [];

  /** `before`: the set that this one replaces; what is the same in both is not compiled again. */
  constructor({ mode, files }: SchemaSource, before?: SchemaSet) {
    this.mode = mode;
    for (const file of files) {
      this.nameHashes.add(keyHash(Buffer.from(file.eventName)));
      const known = before === undefined ? undefined : before.#schemas.get(file.eventName);
      this.#schemas.set(file.eventName, known?.file.text === file.text ? known : new LazySchema(file));
    }
  }

  /**
   * Compiles all schemas and returns them by event name.
   * @throws ContentRefused naming each file that is not a schema
   */
  compileAll(): Map<string, CompiledSchema> {
    const problems: string[] = [];
    const compiled = new Map<string, CompiledSchema>();
    for (const [eventName, schema] of this.#schemas)
      try {
        compiled.set(eventName, schema.compiled);
      } catch (error) {
        if (!(error instanceof ContentRefused)) throw error;
        problems.push(error.message);
      }
    if (problems.length > 0) throw new ContentRefused(problems.join("; "));
    return compiled;
  }

  has(eventName: string): boolean {
    return this.#schemas.has(eventName);
  }

  admits(eventName: string, properties: unknown): boolean {
    const fault = this.#schemas.get(eventName)?.compiled.firstFault(properties ?? {});
    if (fault === undefined) return true;
    if (this.mode === "enforce") return false;
    this.#note(eventName, fault);
    return true;
  }

  issuesOf(eventName: string, place: PropertiesPlace): Issue[] {
    const schema = this.mode === "enforce" ? this.#schemas.get(eventName)?.compiled : undefined;
    const properties = { ...place, value: place.value ?? {}, exact: place.exact ?? {} };
    const first = schema?.firstFault(properties.value);
    if (schema === undefined || first === undefined) return [];
    this.#note(eventName, first);
    const isLong = JSON.stringify(properties.value).length > listedCharsMax;
    const faults = isLong ? [first] : schema.allFaults(properties.value);
    const issues = faults.slice(0, issuesMax).map((fault) => issueOf(fault, properties));
    if (faults.length <= issuesMax) return issues;
    const msg = `${faults.length - issuesMax} more faults by this schema`;
    return [...issues, { type: "json_schema", loc: place.loc, msg, input: place.exact }];
  }

  /** The events that did not fit since the last call. */
  takeMisfits(): Misfit[] {
    if (this.#misfits.length === 0) return this.#misfits;
    const misfits = this.#misfits;
    this.#misfits = [];
    return misfits;
  }

  #note(eventName: string, fault: ErrorObject): void {
    this.#misfits.push({ eventName, fault: faultText(fault) });
  }
}
