/** The names of all variables: those that are read, and those that are refused as not yet supported. */
import { logLevels } from "../base/log.ts";

/**
 * Variables whose feature does not exist yet, with the value that is accepted because it requests nothing; undefined:
 * none.
 */
export const notYetSupported: Readonly<Record<string, string | undefined>> = {
  MILLRACE_JOURNAL: undefined,
  MILLRACE_NODE: undefined,
  MILLRACE_STORE: undefined,
};

/** Every variable that is read, with its default and its meaning: for `--help` and the README. */
export const variables = {
  HOST: ["127.0.0.1", "listening address"],
  PORT: ["3000", "listening port; 0 picks a free one"],
  MILLRACE_DATA_DIR: ["./data", "journals, segments, catalog, generated secret"],
  MILLRACE_SHARE: ["owner", "who may read the data folder: owner, or group too; the secret stays the owner's"],
  MILLRACE_SHARDS: ["cores, at least 2", "shard actors, 1 to 64; may change between starts"],
  MILLRACE_HTTP_THREADS: ["1", "threads that accept requests; only 1 is supported"],
  MILLRACE_JWT_SECRET: ["made at first start", "HS256 key, at least 32 bytes"],
  MILLRACE_JWT_SECRET_PREVIOUS: ["none", "an earlier HS256 key, whose tokens are still taken"],
  MILLRACE_HS256: ["on", "`off`: HS256 does not count, only keys of MILLRACE_JWKS do"],
  MILLRACE_JWKS: ["none", "file or URL of a JSON Web Key Set, for tokens by RS256, ES256 or EdDSA"],
  MILLRACE_JWT_ISSUER: ["none", "`iss` that every token must have"],
  MILLRACE_JWT_AUDIENCE: ["none", "`aud` that every token must have"],
  MILLRACE_WRITE_KEYS: ["none", "file of write keys, which `millrace key` keeps; read again when it changes"],
  MILLRACE_REVOKED: ["none", "file of revoked tokens: `jti:VALUE` or `sub:VALUE` a line; read again when it changes"],
  MILLRACE_ACK: ["durable", "`durable`: a 200 means synced; `buffered`: written and not yet synced"],
  MILLRACE_FLUSH_INTERVAL_SECONDS: ["2", "longest time from acceptance to a sealed segment"],
  MILLRACE_MAX_BUFFER_EVENTS: ["1000000", "accepted and not yet sealed, all shards; past it, 503"],
  MILLRACE_CONNECTIONS_MAX: [
    "from the limit of open files",
    "open connections; past it those without a request are closed first, then new ones",
  ],
  MILLRACE_MAX_BODY_BYTES: ["1048576", "largest body, also after inflation; past it, 413"],
  MILLRACE_RATE_LIMIT: ["0", "events a second for each subject, 0 for no limit; past it, 429"],
  MILLRACE_METRICS: ["open", "`token`: metrics and details of health need stats:read; `off`: nobody gets them"],
  MILLRACE_CORS_ORIGINS: ["none", "origins whose pages may post and read answers, separated by commas; `*`: all"],
  MILLRACE_RETENTION_DAYS: ["0", "events received longer ago are dropped; 0 keeps all"],
  MILLRACE_GRACE_SECONDS: ["30", "replaced segments stay this long, for queries that run on them"],
  MILLRACE_QUERY_SECONDS: ["30", "longest time of a query over HTTP; past it, 504"],
  MILLRACE_QUERY_MEMORY_MIB: ["1024", "memory of a query's process, 512 at least"],
  MILLRACE_QUERY_ROWS: ["1000000", "most rows of a query's answer"],
  MILLRACE_QUERIES_MAX: ["2", "queries at once, one fewer for one subject; past it, 429"],
  MILLRACE_SCHEMAS: ["none", "folder with a JSON Schema of `properties` for each event name, as ENCODED.json"],
  MILLRACE_SCHEMA_MODE: ["warn", "`warn`: count and log properties that do not fit; `enforce`: refuse the event"],
  MILLRACE_ALERTS: ["none", "folder with a file for each alert, NAME.json; read again when it changes"],
  MILLRACE_LOG: ["info", logLevels.join(", ")],
} as const satisfies Record<string, readonly [fallback: string, meaning: string]>;
