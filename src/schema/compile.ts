/**
 * Compiles JSON Schemas with Ajv: the validator that this platform's tools agree on, it compiles a schema to code once,
 * and it is alive. Loading it takes 40 ms, so it is imported only where schemas are configured.
 *
 * A schema is code of the operator: who may write the folder of schemas may also slow the service down, by a pattern
 * that backtracks for minutes. No schema can read a file or fetch another one.
 */
import { Ajv, type AnySchemaObject, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { messageOf } from "../base/errors.ts";
import { ContentRefused } from "../base/watched-content.ts";
import { isRecord } from "../event/parse/parse.ts";
import type { SchemaFile } from "./files.ts";

/** A schema that is ready to check properties. */
export type CompiledSchema = {
  readonly schema: Readonly<Record<string, unknown>>;
  /** The first fault; undefined if the properties fit. Stops there, so a large value costs no more than it must. */
  firstFault(properties: unknown): ErrorObject | undefined;
  /** All faults. Compiled at its first call: most events fit. */
  allFaults(properties: unknown): ErrorObject[];
};

const options: Options = {
  // An unknown keyword or format is an error: it is usually a typo, and would check nothing.
  strictSchema: true,
  // These judge style; a schema without `type` is valid.
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allowMatchingProperties: true,
  // `1e999` is infinite as a double, and no number that a column could hold.
  strictNumbers: true,
  // Otherwise `required: ["constructor"]` would hold for every object.
  ownProperties: true,
  logger: false,
};

/** Compiles single schemas. Nothing of one schema is visible to another, whatever their `$id`. */
const alone: Options = { ...options, meta: false, validateSchema: false };

const dialects = {
  "https://json-schema.org/draft/2020-12/schema": (given: Options) => new Ajv2020(given),
  "http://json-schema.org/draft-07/schema": (given: Options) => new Ajv(given),
} as const;

type Dialect = keyof typeof dialects;

const dialectDefault: Dialect = "https://json-schema.org/draft/2020-12/schema";

const isDialect = (uri: string): uri is Dialect => Object.hasOwn(dialects, uri);

/** Know the schema of schemas; made at the first use, since compiling that takes most of the time. */
const judges = new Map<Dialect, Ajv>();

/**
 * Compiles a file.
 * @throws ContentRefused naming the file, if it is not a JSON Schema of a supported draft
 */
export function compileSchema({ file, text }: Pick<SchemaFile, "file" | "text">): CompiledSchema {
  const schema = parsed(file, text);
  const dialect = dialectOf(file, schema);
  const judge = judges.get(dialect) ?? dialects[dialect](options);
  judges.set(dialect, judge);
  try {
    if (judge.validateSchema(schema) !== true)
      throw new ContentRefused(`is not a JSON Schema: ${judge.errorsText(judge.errors, { dataVar: "#" })}`);
    // Ajv 8.20 sees that a property with the empty name is missing only where it lists all errors.
    const first = compiled(schema, dialect, { ...alone, allErrors: text.includes('""') });
    let all: ValidateFunction | undefined;
    return {
      schema,
      firstFault: (properties) => (first(properties) ? undefined : first.errors?.[0]),
      allFaults: (properties) => {
        all ??= compiled(schema, dialect, { ...alone, allErrors: true });
        return all(properties) ? [] : (all.errors ?? []);
      },
    };
  } catch (error) {
    // Ajv throws errors without a class of their own; a schema that nests too deep is a RangeError.
    throw new ContentRefused(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

function compiled(schema: AnySchemaObject, dialect: Dialect, given: Options): ValidateFunction {
  const ajv = dialects[dialect](given);
  addFormats(ajv);
  const validate = ajv.compile(schema);
  if ("$async" in validate) throw new ContentRefused("$async is not supported");
  return validate;
}

function parsed(file: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    // Editors on some systems write a byte order mark.
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new ContentRefused(`${file}: is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (isRecord(value)) return value;
  throw new ContentRefused(`${file}: a schema must be a JSON object`);
}

function dialectOf(file: string, { $schema = dialectDefault }: Record<string, unknown>): Dialect {
  const uri = typeof $schema === "string" ? $schema.replace(/#$/, "") : "";
  if (isDialect(uri)) return uri;
  throw new ContentRefused(
    `${file}: $schema must be one of ${Object.keys(dialects).join(", ")}, not ${JSON.stringify($schema)}`,
  );
}
