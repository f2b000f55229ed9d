/** The catalog is the same however often it was published. */
import { expect, test } from "bun:test";
import { CatalogWriter } from "../../src/store/catalog/publish.ts";
import { queryFile } from "../support/catalog.ts";
import { openDuckDB, sealedFolder } from "../support/sealed.ts";

test("the fourth publication of a service holds what the first one held: views, macros, comments, events", async () => {
  const events = [{ at: "2026-01-01T00:00:00Z", name: "bought", session: "s" }, { at: "2026-01-01T00:01:00Z" }];
  const typedEvents = [{ eventName: "bought", properties: [{ name: "price", kind: "number" as const }] }];
  using sealed = await sealedFolder([events], { typedEvents });
  using duckdb = await openDuckDB();
  const writer = new CatalogWriter(sealed.folder);
  const seen: unknown[] = [];
  for (let nth = 0; nth < 4; nth += 1) {
    await writer.publish(duckdb, sealed.content);
    const looks = [
      "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
      "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
      "SELECT function_name, parameters, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
      "SELECT event_name, session_id FROM events ORDER BY ALL",
      "FROM sessions",
      "SELECT * FROM event_bought",
      "FROM top(event_name)",
    ];
    const found = [];
    for (const look of looks) found.push(await queryFile(sealed.folder.catalog, look));
    seen.push(found);
  }
  for (const later of seen.slice(1)) expect(later).toEqual(seen[0]);
  expect(JSON.stringify(seen[0])).toContain("bought");
});
