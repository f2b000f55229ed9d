import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyFolder } from "../../src/offline/verify.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import { readIdBlocks } from "../../src/store/ids/blocks.ts";
import { millrace } from "../support/command.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";

setDefaultTimeout(testMsMax);

const eventId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

const sizes = [2, 3, 4];
const all = sizes.reduce((sum, size) => sum + size, 0);

const eventsFrom = (first: number, size: number) =>
  Array.from({ length: size }, (_, index) => ({ event_name: "e", event_id: eventId(first + index) }));

/** A stopped service of one shard with a segment, and a block of ids, for each of the sizes; ids count up from 1. */
const threeSegments = copiesOf({ env: { MILLRACE_SHARDS: "1" } }, async (service) => {
  let next = 1;
  for (const size of sizes) {
    await service.batch(eventsFrom(next, size));
    await service.waitSealed();
    next += size;
  }
});

const idFiles = (service: Service): string[] =>
  readdirSync(join(service.dataDir, "ids"))
    .sort()
    .map((file) => join(service.dataDir, "ids", file));

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
  writeFileSync(path, bytes);
}

/** Where each block begins. */
function blocksAt(path: string): number[] {
  let at = 0;
  return readIdBlocks(path).blocks.map(({ records }) => {
    const start = at;
    at += 32 + records.byteLength;
    return start;
  });
}

async function problemsOf(service: Service): Promise<string> {
  const { problems } = await verifyFolder(dataFolder(service.dataDir));
  return problems.map(({ file, text }) => `${file} ${text}`).join("\n");
}

async function everyIdIsKnown(service: Service): Promise<void> {
  await service.restart();
  const answer = await service.batch(eventsFrom(1, all));
  expect(answer.events_duplicate).toBe(all);
  await service.waitSealed();
  expect(await service.count()).toBe(all);
}

for (const [name, block] of [
  ["the first", 0],
  ["a middle", 1],
  ["the last", 2],
] as const)
  test(`B7: damage in ${name} block of an id log is told by verify; the next start reads its ids from the segments`, async () => {
    await using service = threeSegments();
    for (const offset of [0, 4, 40]) {
      const [path = ""] = idFiles(service);
      const at = (blocksAt(path)[block] ?? 0) + offset;
      flip(path, at);
      expect(await problemsOf(service)).toMatch(/ids\S+ bytes \d+ to \d+ are damaged/);
      await everyIdIsKnown(service);
      expect(await service.metricsText()).toMatch(/^millrace_conflicts_total 0$/m);
      await service.stop();
      expect(await problemsOf(service)).toBe("");
      // From here on its blocks may lie in another file: it is brought to one file with three blocks again.
      const files = idFiles(service);
      const pieces = Buffer.concat(files.map((file) => readFileSync(file)));
      for (const file of files) rmSync(file);
      writeFileSync(files[0] ?? "", pieces);
      expect(blocksAt(files[0] ?? "")).toHaveLength(3);
    }
  });

test("B7: ids whose file was removed, cut or emptied are read again from the segments", async () => {
  await using service = threeSegments();
  const damages: ((path: string) => void)[] = [
    rmSync,
    (path) => writeFileSync(path, ""),
    (path) => writeFileSync(path, readFileSync(path).subarray(0, 50)),
    (path) => writeFileSync(path, readFileSync(path).fill(0)),
  ];
  for (const damage of damages) {
    for (const file of idFiles(service)) damage(file);
    await everyIdIsKnown(service);
    await service.stop();
    expect(await problemsOf(service)).toBe("");
  }
});

test("B7: an id of an erased event does not come back with a lost id log", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "1" } });
  await service.batch([
    { event_name: "e", event_id: eventId(1), session_id: "gone" },
    { event_name: "e", event_id: eventId(2), session_id: "stays" },
  ]);
  await service.waitSealed();
  await service.stop();
  const erased = await millrace(["erase", "--session-id", "gone"], { env: { MILLRACE_DATA_DIR: service.dataDir } });
  expect(erased.code).toBe(0);
  for (const file of idFiles(service)) rmSync(file);
  await service.restart();
  const answer = await service.batch([1, 2].map((each) => ({ event_name: "e", event_id: eventId(each) })));
  expect(answer.events_duplicate).toBe(1);
});
