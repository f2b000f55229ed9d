/** Corrupt bytes in the data folder: each is reported, and none is ever served as data. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { verifyFolder } from "../../../src/offline/verify.ts";
import { dataFolder } from "../../../src/store/folder/names.ts";
import type { Random } from "../../support/random.ts";
import { Service } from "../../support/service.ts";
import { erase } from "../../support/upkeep.ts";
import { copyFolder } from "../copy-folder.ts";
import type { Broken, Round, Scenario } from "../scenario.ts";

/** The content of each event, so that a changed event is detected. */
const mark = "as it was sent";

/** Files that matter only while a service runs; nobody reads those of `scratch/` after it. */
const withoutContent = /^(?:lock|address|scratch\/.*|.*\.tmp)$/s;

/** Corrupts bytes, first for `verify`, then for a service. */
export const corrupt = corruptWith({ verified: 40, served: 4 });

/**
 * The scenario with the number of bytes a round that `verify` must find, and the number that a service is started on.
 */
export function corruptWith({ verified, served }: { verified: number; served: number }): Scenario {
  return {
    name: "corrupt",
    summary: `${verified} changed bytes a round are named by verify, ${served} by a running service; none is served`,
    rounds: 5,
    mayRunBeside: true,
    missing: () => undefined,
    run: async (round: Round) => {
      const { random, folder, note } = round;
      const dataDir = `${folder}/data`;
      const env = { MILLRACE_GRACE_SECONDS: "0.2" };
      await using service = new Service({ dataDir, env });
      const events = await makeFolder(service, random);
      const broken: Broken[] = [];
      const files = filesOf(dataDir);
      for (let change = 0; change < verified; change++)
        broken.push(...(await verifyChanged(dataDir, changeByte(files, random))));
      copyFolder(dataDir, `${folder}/whole`);
      for (let change = 0; change < served; change++) {
        const { path, at } = changeByte(files, random);
        note(`for the service: byte ${at} of ${path.file}`);
        broken.push(...(await serveChanged(service, { dataDir, events })));
        if (broken.length > 0) break;
        rmSync(dataDir, { recursive: true });
        copyFolder(`${folder}/whole`, dataDir);
      }
      return { acknowledged: events, faults: verified + served, refused: 0, recoveryMs: 0, broken };
    },
  };
}

/** Every byte is changed in files up to this size. Bytes. */
const smallBytes = 4_096;

/** Every byte of the small files and of the written part of the journal, and of others one in a number. */
export const corruptBytes = corruptBytesWith({ ofSmall: 1, ofLarge: 997 });

/** The scenario with other steps from one byte to the next. */
export function corruptBytesWith({ ofSmall, ofLarge }: { ofSmall: number; ofLarge: number }): Scenario {
  return {
    name: "corrupt-bytes",
    summary: "every byte of each small file, and one in a thousand of segments and catalog, is named by verify",
    rounds: 1,
    missing: () => undefined,
    run: async ({ random, folder }: Round) => {
      const dataDir = `${folder}/data`;
      await using service = new Service({ dataDir, env: { MILLRACE_GRACE_SECONDS: "0.2" } });
      const events = await makeFolder(service, random, 2);
      const broken: Broken[] = [];
      let faults = 0;
      for (const path of filesOf(dataDir)) {
        const written = path.bytes.findLastIndex((byte) => byte !== 0) + 1;
        const step = written <= smallBytes ? ofSmall : ofLarge;
        for (let at = random.between({ from: 0, to: step - 1 }); at < written; at += step) {
          broken.push(...(await verifyChanged(dataDir, change(path, at, random))));
          faults += 1;
        }
      }
      return { acknowledged: events, faults, refused: 0, recoveryMs: 0, broken: broken.slice(0, 20) };
    },
  };
}

/** Runs `verify` on a folder with one changed byte, and restores the byte. */
async function verifyChanged(dataDir: string, { path, at }: Change): Promise<Broken[]> {
  const { problems, notes } = await verifyFolder(dataFolder(dataDir));
  path.restore();
  if ([...problems, ...notes].some((finding) => JSON.stringify(finding).includes(basename(path.file)))) return [];
  return [{ kind: "other", what: `byte ${at} of ${path.file} is changed, and verify does not name the file` }];
}

/** A small folder with every kind of file: segments, ids, a receipt, and a journal that is not sealed. */
async function makeFolder(service: Service, random: Random, segments = 3): Promise<number> {
  await service.restart();
  let events = 0;
  const send = async () => {
    const count = random.between({ from: 1, to: 40 });
    await service.batch(
      Array.from({ length: count }, (_, row) => ({
        event_name: "kept",
        event_id: crypto.randomUUID(),
        properties: { mark, row },
      })),
    );
    events += count;
  };
  for (let segment = 0; segment < segments; segment++) {
    await send();
    await service.waitSealed();
  }
  await service.batch([{ event_name: "to erase", session_id: "erased" }]);
  await erase(service, { session_id: "erased" });
  await send();
  await service.kill9();
  return events;
}

interface FileOfFolder {
  readonly file: string;
  readonly bytes: Buffer;
  restore(): void;
}

function filesOf(dataDir: string): FileOfFolder[] {
  return readdirSync(dataDir, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(dataDir, file)).isFile() && !withoutContent.test(file))
    .map((file) => {
      const bytes = readFileSync(join(dataDir, file));
      return { file: join(dataDir, file), bytes, restore: () => writeFileSync(join(dataDir, file), bytes) };
    })
    .filter(({ bytes }) => bytes.byteLength > 0);
}

/** A changed byte. */
interface Change {
  readonly path: FileOfFolder;
  readonly at: number;
}

/** Changes one byte of one file. Each kind of file is equally likely, whatever its size. */
function changeByte(files: readonly FileOfFolder[], random: Random): Change {
  const path = files[random.between({ from: 0, to: files.length - 1 })];
  if (path === undefined) throw new Error("the folder has files");
  return change(path, random.between({ from: 0, to: path.bytes.byteLength - 1 }), random);
}

function change(path: FileOfFolder, at: number, random: Random): Change {
  const changed = Buffer.from(path.bytes);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.between({ from: 0, to: 7 }));
  writeFileSync(path.file, changed);
  return { path, at };
}

/** Starts a service on the changed folder: it must serve what was sent, or refuse to start with a message. */
async function serveChanged(
  service: Service,
  { dataDir, events }: { dataDir: string; events: number },
): Promise<Broken[]> {
  const other = (what: string): Broken => ({ kind: "other", what });
  await using _ended = { [Symbol.asyncDispose]: async () => await ended(service) };
  try {
    await service.restart();
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    return /ended with 1 before/.test(told) && !/\n\s+at .*:\d+:\d+\)?\n/.test(told.split("millrace:")[1] ?? "")
      ? []
      : [other(`a start that was not refused in words: ${told}`)];
  }
  await service.waitSealed();
  const wrong = await service.count(
    `event_name <> 'kept' OR (properties->>'mark') IS DISTINCT FROM '${mark}' OR subject IS DISTINCT FROM 'tester'`,
  );
  const stored = await service.count();
  const broken: Broken[] = [];
  if (wrong > 0) broken.push(other(`${wrong} events are served that nobody sent`));
  if (stored > events) broken.push({ kind: "twice", what: `${stored} events are stored, ${events} were sent` });
  if (stored < events) {
    const health = await (await service.health()).text();
    const { problems, notes } = await verifyFolder(dataFolder(dataDir));
    const isTold = JSON.parse(health).warnings.length > 0 && problems.length + notes.length > 0;
    if (!isTold) broken.push({ kind: "lost", what: `${events - stored} events are missing; health says ${health}` });
  }
  return broken;
}

/** Ends the service, if it has started. */
async function ended(service: Service): Promise<void> {
  if (service.isRunning) await service.kill9();
}
