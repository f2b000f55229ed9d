/**
 * A process of its own that opens the catalog, counts, closes, again and again, as analysts do while the service runs.
 * Usage: bun catalog-reader.ts CATALOG. Prints one line for each count: `{"rows","ids"}` or `{"error"}`; ends when
 * killed.
 */
import { queryFile } from "./catalog.ts";

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: catalog-reader.ts CATALOG");
for (;;) {
  try {
    const [row] = await queryFile(path, "SELECT count(*) AS rows, count(DISTINCT event_id) AS ids FROM events");
    console.log(JSON.stringify({ rows: Number(row?.["rows"]), ids: Number(row?.["ids"]) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
  // A look takes longer than this; it leaves some of the processor to the service that is looked at.
  await Bun.sleep(5);
}
