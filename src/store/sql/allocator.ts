/** Options of DuckDB's own allocator, for processes that run it for long or with much data. */

/**
 * Environment of a process that runs DuckDB, with options of its allocator (jemalloc; `opt.*` of its manual). It keeps
 * freed memory for seconds, apart for each thread that ran a statement: 100 MB and more beside DuckDB's limit, which
 * does not count them. With one arena, no caches of threads and 50 ms, ordering three million events took 144 MB at
 * most instead of 218, for a tenth more processor time, and the keeper under batches 168 instead of 237, for a
 * twentieth more.
 */
export const allocatorEnvironment: Readonly<Record<string, string>> = {
  DUCKDB_JE_MALLOC_CONF: "narenas:1,dirty_decay_ms:50,muzzy_decay_ms:0,tcache:false",
};
