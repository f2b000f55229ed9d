import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

test("B13: a snapshot with a damaged file, or one that is a link, is refused by name, and nothing is restored", async () => {
  using place = temporaryFolder();
  await using service = await startService();
  await service.track({ event_name: "kept", event_id: "00000000-0000-4000-8000-000000000001" });
  await service.waitSealed();
  const snapshot = join(place.path, "snapshot");
  const taken = await millrace(["snapshot", snapshot], { env: { MILLRACE_DATA_DIR: service.dataDir } });
  expect([taken.code, taken.stderr]).toEqual([0, ""]);
  const [segment = ""] = readdirSync(join(snapshot, "segments"));
  const path = join(snapshot, "segments", segment);
  const kept = join(place.path, "kept");
  copyFileSync(path, kept);
  const restored = join(place.path, "restored");
  const restore = () => millrace(["restore", snapshot], { env: { MILLRACE_DATA_DIR: restored } });
  const refused = async (name: string) => {
    const { code, stderr } = await restore();
    expect([code, stderr.includes(name)]).toEqual([1, true]);
    expect(existsSync(join(restored, "segments")) ? readdirSync(join(restored, "segments")) : []).toEqual([]);
  };
  const bytes = readFileSync(kept);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 9_000) ^ 1, bytes.length - 9_000);
  // A copy: the snapshot shares its files with the service by hard links.
  unlinkSync(path);
  writeFileSync(path, bytes);
  await refused(segment);
  unlinkSync(path);
  symlinkSync(kept, path);
  await refused(segment);
  unlinkSync(path);
  copyFileSync(kept, path);
  const summary = readFileSync(join(snapshot, "snapshot.json"));
  writeFileSync(join(snapshot, "snapshot.json"), summary.toString().replace('"events": 1', '"events": 3'));
  await refused("snapshot.json");
  writeFileSync(join(snapshot, "snapshot.json"), summary);
  expect((await restore()).code).toBe(0);
});
