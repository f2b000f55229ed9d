/** At least the last million ids that clients made are known, also after a crash. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const idsTotal = 1_000_000;
const batchSize = 100;

/** Writers at once. */
const writers = 16;

/** The same id for the same number, spread over all bits. */
function idOf(number: number): string {
  const hex = new Bun.CryptoHasher("md5").update(String(number)).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const batchFrom = (first: number) =>
  Array.from({ length: batchSize }, (_, at) => ({ event_name: "million", event_id: idOf(first + at) }));

test("a million ids later the first is still known, while running and after kill -9", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "2" } });
  let next = 0;
  const write = async () => {
    for (let first = next; first < idsTotal; first = next) {
      next += batchSize;
      expect((await service.batch(batchFrom(first))).events_duplicate).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const expectAllKnown = async () => {
    // One batch in two hundred, from the very first on.
    for (let first = 0; first < idsTotal; first += 200 * batchSize) {
      expect({ first, ...(await service.batch(batchFrom(first))) }).toMatchObject({ events_duplicate: batchSize });
    }
  };
  await expectAllKnown();
  await service.kill9();
  await service.restart();
  await expectAllKnown();
  await service.waitSealed(30_000);
  expect(await service.rows("SELECT count(*)::INT AS n, count(DISTINCT event_id)::INT AS ids FROM events")).toEqual([
    { n: idsTotal, ids: idsTotal },
  ]);
});
