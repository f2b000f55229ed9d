/** The catalog is the same however often it was published. */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CatalogWriter, writeCatalog } from "../../src/store/catalog/publish.ts";
import type { CatalogContent } from "../../src/store/catalog/views.ts";
import { queryFile } from "../support/catalog.ts";
import { openDuckDB, sealedFolder } from "../support/sealed.ts";

test("each publication of a service holds what a catalog written at once holds: views, macros, comments, events", async () => {
  const events = [{ at: "2026-01-01T00:00:00Z", name: "bought", session: "s" }, { at: "2026-01-01T00:01:00Z" }];
  const typedEvents = [{ eventName: "bought", properties: [{ name: "price", kind: "number" as const }] }];
  using sealed = await sealedFolder([events], { typedEvents });
  using duckdb = await openDuckDB();
  const looks = [
    "SELECT view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
    "SELECT function_name, parameters, macro_definition, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
    "SELECT event_name, session_id FROM events ORDER BY ALL",
    "FROM sessions",
    "FROM top(event_name)",
  ];
  const shown = () => Promise.all(looks.map((look) => queryFile(sealed.folder.catalog, look)));
  const written = async (content: CatalogContent) => {
    await writeCatalog(duckdb, sealed.folder.catalog, content);
    return await shown();
  };
  const published = async (writer: CatalogWriter, content: CatalogContent) => {
    await writer.publish(duckdb, content);
    return await shown();
  };
  const [typed, untyped] = [sealed.content, { ...sealed.content, typedEvents: [] }];
  const first = await written(typed);
  const firstUntyped = await written(untyped);
  expect(JSON.stringify(first)).toContain("event_bought");
  const writer = new CatalogWriter(sealed.folder);
  for (let nth = 0; nth < 4; nth += 1) expect(await published(writer, typed)).toEqual(first);
  // A schema that was removed has no view any more.
  expect(await published(writer, untyped)).toEqual(firstUntyped);
  expect(await published(writer, typed)).toEqual(first);
});

test("a publication names no segment that is gone, also where it has typed views and nothing else is left", async () => {
  const typedEvents = [{ eventName: "bought", properties: [{ name: "price", kind: "number" as const }] }];
  const [earlier, later] = [{ at: "2026-01-01T00:00:00Z", name: "bought" }, { at: "2026-01-01T00:01:00Z" }];
  using sealed = await sealedFolder([[earlier], [later]]);
  using duckdb = await openDuckDB();
  const writer = new CatalogWriter(sealed.folder);
  const { content } = sealed;
  for (let nth = 0; nth < 3; nth += 1) await writer.publish(duckdb, content);
  const count = async () => (await queryFile(sealed.folder.catalog, "SELECT count(*)::INT AS n FROM events"))[0]?.["n"];
  const [first, ...left] = content.segments;
  rmSync(join(sealed.folder.segments, first?.file ?? ""));
  await writer.publish(duckdb, { ...content, segments: left, typedEvents });
  expect(await count()).toBe(1);
  expect(await queryFile(sealed.folder.catalog, "FROM event_bought")).toEqual([]);
  for (const { file } of left) rmSync(join(sealed.folder.segments, file));
  await writer.publish(duckdb, { ...content, segments: [], typedEvents });
  expect(await count()).toBe(0);
  await expect(writer.publish(duckdb, content)).rejects.toThrow("No files found");
  await writer.publish(duckdb, { ...content, segments: [] });
  expect(await count()).toBe(0);
});
