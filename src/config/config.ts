/**
 * Reads the environment into a `Config`: checked at start, all problems reported together, nothing silently ignored.
 */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { dataPathProblem } from "../base/data-path.ts";
import { connectionsAllowed, type DescriptorNeeds, descriptorLimit } from "../base/descriptors.ts";
import { ConfigInvalid } from "../base/errors.ts";
import { type LogLevel, logLevels } from "../base/log.ts";
import { originProblem } from "../base/origin.ts";
import { type Share, shares } from "../base/share.ts";
import { notYetSupported, variables } from "./variables.ts";

/** Everything that the environment decides. */
export type Config = {
  host: string;
  /** 0 picks a free one. */
  port: number;
  dataDir: string;
  shards: number;
  /** HS256 key as it was given; undefined: the one in the data folder, made at first start. */
  jwtSecret: string | undefined;
  /** An earlier key, whose tokens are still taken. */
  jwtSecretPrevious: string | undefined;
  /** `off`: only keys of the key set count. */
  hs256: "on" | "off";
  /** Path or URL of the key set for tokens of others. */
  jwks: string | undefined;
  jwtIssuer: string | undefined;
  jwtAudience: string | undefined;
  /** File of write keys. */
  writeKeysPath: string | undefined;
  /** File of revoked tokens. */
  revokedPath: string | undefined;
  ack: "durable" | "buffered";
  flushIntervalMs: number;
  bufferEventsMax: number;
  bodyBytesMax: number;
  /** Open connections of the process; undefined: as many as the limit of open files allows. */
  connectionsMax: number | undefined;
  /** Events received longer ago are dropped; 0: none. */
  retentionMs: number;
  /** How long a replaced segment stays for readers that have opened it. */
  graceMs: number;
  /** Events a second for each sender; 0: no limit. */
  rateLimit: number;
  /** Origins whose pages may read answers; `*` among them: all. */
  corsOrigins: readonly string[];
  /** Who gets the metrics and the details of health: everybody, tokens with `stats:read`, or nobody. */
  metrics: MetricsAccess;
  /** Limits of SQL over HTTP. */
  queries: { timeMs: number; memoryMiB: number; rowsMax: number; atOnceMax: number };
  /** Schemas of properties, by event name; undefined: none. */
  schemas: { folder: string; mode: SchemaMode } | undefined;
  /** Folder of alerts; undefined: none. */
  alerts: string | undefined;
  logLevel: LogLevel;
};

/** Who gets the metrics and the details of health. */
export type MetricsAccess = "open" | "token" | "off";
const schemaModes = ["warn", "enforce"] as const;

/** What happens to an event whose properties do not fit their schema: it is counted, or it is refused. */
export type SchemaMode = (typeof schemaModes)[number];

/** Where the files and folders are that variables name and a service watches. */
export type NamedFiles = Pick<Config, "jwks" | "writeKeysPath" | "revokedPath" | "schemas" | "alerts">;

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Shortest key for HS256 (RFC 7518, 3.2: as long as the hash). Bytes. */
export const jwtSecretBytesMin = 32;

/** The id table stores a shard's number in six bits. */
const shardsMax = 64;

/** A longer timer than this fires at once on this platform. Seconds. */
const flushIntervalSecondsMax = 2_147_483;

/** A body is held in memory as a whole, several times over; so is an event when it is sealed. Bytes. */
const bodyBytesMaxMax = 16 * 1024 * 1024;

/** No machine has more descriptors for one process. */
const connectionsMaxMax = 1_000_000;

/** Far more than a machine takes, so that a larger number is a mistake. Events a second. */
const rateLimitMax = 1_000_000_000;

const dayMs = 86_400_000;

type Variable = keyof typeof variables;

/**
 * Reads the configuration.
 * @throws ConfigInvalid naming every variable that is wrong, and why
 */
export function readConfig(environment: Environment): Config {
  const problems: string[] = [];
  const text = (name: Variable) => environment[name]?.trim() || undefined;
  const number = (name: Variable, fallback: number, range: { min: number; max: number; isInteger: boolean }) => {
    const given = text(name);
    if (given === undefined) return fallback;
    const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN;
    const fits = value >= range.min && value <= range.max && (!range.isInteger || Number.isInteger(value));
    if (fits) return value;
    const kind = range.isInteger ? "an integer" : "a number";
    problems.push(`${name}: must be ${kind} from ${range.min} to ${range.max}, not ${JSON.stringify(given)}`);
    return fallback;
  };
  const integer = (name: Variable, fallback: number, min: number, max: number) =>
    number(name, fallback, { min, max, isInteger: true });
  const oneOf = <Value extends string>(name: Variable, fallback: Value, allowed: readonly Value[]): Value => {
    const given = text(name);
    const found = allowed.find((value) => value === given);
    if (given !== undefined && found === undefined)
      problems.push(`${name}: must be one of ${allowed.join(", ")}, not ${JSON.stringify(given)}`);
    return found ?? fallback;
  };

  const secret = (name: Variable) => {
    const given = environment[name] || undefined;
    const bytes = Buffer.byteLength(given ?? "");
    if (given !== undefined && bytes < jwtSecretBytesMin)
      problems.push(`${name}: must have at least ${jwtSecretBytesMin} bytes, not ${bytes}`);
    return given;
  };

  for (const [name, off] of Object.entries(notYetSupported)) {
    const given = environment[name]?.trim() || undefined;
    if (given !== undefined && given !== off) problems.push(`${name}: not yet supported; unset it`);
  }
  const corsOrigins = (text("MILLRACE_CORS_ORIGINS")?.split(",") ?? []).map((origin) => origin.trim());
  for (const origin of corsOrigins) {
    const problem = origin === "*" ? undefined : originProblem(origin);
    if (problem !== undefined) problems.push(`MILLRACE_CORS_ORIGINS: an origin ${problem}`);
  }
  problems.push(...unknownVariables(environment).map((name) => `${name}: unknown variable; unset it`));
  const dataDir = text("MILLRACE_DATA_DIR") ?? "./data";
  const pathProblem = dataPathProblem(dataDir);
  if (pathProblem !== undefined) problems.push(`MILLRACE_DATA_DIR: ${pathProblem}`);
  // Only validated here. It is read where a command starts: see `shareOf`.
  oneOf("MILLRACE_SHARE", "owner", shares);
  const threads = text("MILLRACE_HTTP_THREADS") ?? "1";
  if (threads !== "1")
    problems.push(`MILLRACE_HTTP_THREADS: must be 1, not ${JSON.stringify(threads)}: the main thread alone accepts`);
  const schemasFolder = text("MILLRACE_SCHEMAS");
  const alertsFolder = text("MILLRACE_ALERTS");
  const schemaMode = oneOf("MILLRACE_SCHEMA_MODE", "warn", schemaModes);
  if (schemaMode === "enforce" && schemasFolder === undefined)
    problems.push("MILLRACE_SCHEMA_MODE: enforce needs MILLRACE_SCHEMAS, the folder with the schemas");
  const config: Config = {
    host: text("HOST") ?? "127.0.0.1",
    port: integer("PORT", 3000, 0, 65_535),
    dataDir,
    shards: integer("MILLRACE_SHARDS", Math.min(shardsMax, Math.max(2, availableParallelism())), 1, shardsMax),
    jwtSecret: secret("MILLRACE_JWT_SECRET"),
    jwtSecretPrevious: secret("MILLRACE_JWT_SECRET_PREVIOUS"),
    hs256: oneOf("MILLRACE_HS256", "on", ["on", "off"]),
    jwks: text("MILLRACE_JWKS"),
    jwtIssuer: text("MILLRACE_JWT_ISSUER"),
    jwtAudience: text("MILLRACE_JWT_AUDIENCE"),
    writeKeysPath: text("MILLRACE_WRITE_KEYS"),
    revokedPath: text("MILLRACE_REVOKED"),
    ack: oneOf("MILLRACE_ACK", "durable", ["durable", "buffered"]),
    flushIntervalMs:
      1000 * number("MILLRACE_FLUSH_INTERVAL_SECONDS", 2, { min: 0.1, max: flushIntervalSecondsMax, isInteger: false }),
    bufferEventsMax: integer("MILLRACE_MAX_BUFFER_EVENTS", 1_000_000, 1, 100_000_000),
    bodyBytesMax: integer("MILLRACE_MAX_BODY_BYTES", 1_048_576, 1, bodyBytesMaxMax),
    connectionsMax:
      text("MILLRACE_CONNECTIONS_MAX") === undefined
        ? undefined
        : integer("MILLRACE_CONNECTIONS_MAX", 1, 1, connectionsMaxMax),
    retentionMs: dayMs * number("MILLRACE_RETENTION_DAYS", 0, { min: 0, max: 36_500, isInteger: false }),
    graceMs: 1000 * number("MILLRACE_GRACE_SECONDS", 30, { min: 0, max: 86_400, isInteger: false }),
    rateLimit: integer("MILLRACE_RATE_LIMIT", 0, 0, rateLimitMax),
    corsOrigins,
    metrics: oneOf<MetricsAccess>("MILLRACE_METRICS", "open", ["open", "token", "off"]),
    queries: {
      timeMs: 1000 * number("MILLRACE_QUERY_SECONDS", 30, { min: 0.1, max: 86_400, isInteger: false }),
      memoryMiB: integer("MILLRACE_QUERY_MEMORY_MIB", 1024, 512, 1_048_576),
      rowsMax: integer("MILLRACE_QUERY_ROWS", 1_000_000, 1, 1_000_000_000),
      atOnceMax: integer("MILLRACE_QUERIES_MAX", 2, 1, 64),
    },
    schemas: schemasFolder === undefined ? undefined : { folder: resolve(schemasFolder), mode: schemaMode },
    alerts: alertsFolder === undefined ? undefined : resolve(alertsFolder),
    logLevel: oneOf("MILLRACE_LOG", "info", logLevels),
  };
  const urlProblem = config.jwks === undefined ? undefined : keySetProblem(config.jwks);
  if (urlProblem !== undefined) problems.push(`MILLRACE_JWKS: ${urlProblem}`);
  if (config.hs256 === "off" && config.jwks === undefined && config.writeKeysPath === undefined)
    problems.push("MILLRACE_HS256: off would let nobody in; set MILLRACE_JWKS, or MILLRACE_WRITE_KEYS");
  problems.push(...tooManyConnections(config));
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return config;
}

/** Who may read the data folder; a value that `readConfig` refuses counts as `owner`. */
export const shareOf = (environment: Environment): Share =>
  shares.find((share) => share === environment["MILLRACE_SHARE"]?.trim()) ?? "owner";

/** A body of another vendor's SDK may have this size after inflation, or `bodyBytesMax` if that is more. Bytes. */
const vendorBodyBytesMin = 8 * 1024 * 1024;

/** The most bytes of a body on the paths of other vendors' SDKs, after inflation. */
export const vendorBodyBytesMax = ({ bodyBytesMax }: Pick<Config, "bodyBytesMax">): number =>
  Math.max(vendorBodyBytesMin, bodyBytesMax);

/** Whether what names a key set is a URL, and not a path. */
export const isUrl = (given: string): boolean => /^https?:\/\//i.test(given);

/** A scheme before a path, or before what `http:` leads to. */
const schemed = /^(?:https?:|[a-z][a-z0-9+.-]+:\/)/i;

/** Why a key set cannot be read from there. A URL is not shown: it may hold a password by mistake. */
function keySetProblem(given: string): string | undefined {
  if (!schemed.test(given)) return undefined;
  if (!isUrl(given)) return "must be a path, or a URL that begins with https:// or http://";
  const url = URL.parse(given);
  if (url === null) return "is not a valid URL";
  return url.username === "" && url.password === "" ? undefined : "must be a URL without a user or a password";
}

/**
 * The files and folders that variables name, whatever else is wrong with the configuration; not a key set that is not a
 * file.
 */
export function filesNamed(environment: Environment): NamedFiles {
  const text = (name: Variable) => environment[name]?.trim() || undefined;
  const jwks = text("MILLRACE_JWKS");
  const folder = text("MILLRACE_SCHEMAS");
  const alerts = text("MILLRACE_ALERTS");
  return {
    jwks: jwks === undefined || schemed.test(jwks) ? undefined : jwks,
    writeKeysPath: text("MILLRACE_WRITE_KEYS"),
    revokedPath: text("MILLRACE_REVOKED"),
    schemas: folder === undefined ? undefined : { folder: resolve(folder), mode: "warn" },
    alerts: alerts === undefined ? undefined : resolve(alerts),
  };
}

/** Variables that start with `MILLRACE_` and that nothing reads. */
function unknownVariables(environment: Environment): string[] {
  return Object.keys(environment).filter(
    (name) => name.startsWith("MILLRACE_") && !(name in variables) && !(name in notYetSupported),
  );
}

/** The settings that decide how many descriptors the service needs beside its connections. */
export const descriptorNeeds = ({ shards, queries, alerts }: Config): DescriptorNeeds => ({
  shards,
  queriesMax: queries.atOnceMax + (alerts === undefined ? 0 : 1),
});

/** The problem with a connection bound that exceeds what the limit of open files allows. */
function tooManyConnections(config: Config): string[] {
  const limit = descriptorLimit();
  if (config.connectionsMax === undefined || limit === undefined) return [];
  // A limit too low for the service to work at all is reported by the start.
  const allowed = Math.max(1, connectionsAllowed(limit, descriptorNeeds(config)));
  if (config.connectionsMax <= allowed) return [];
  return [
    `MILLRACE_CONNECTIONS_MAX: ${config.connectionsMax} is more than ${allowed}, which is what the limit of ${limit} open files leaves; lower it, or raise that limit (ulimit -n)`,
  ];
}
