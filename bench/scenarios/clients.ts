/** The client beside the SDKs of other vendors that the service takes events of: what each costs, and what it loses. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { buildClient, installSdks, type Order, runProgram, type Sdk, sdks, weigh } from "../clients/sdks.ts";
import { barsOf, type FigureRow, figuresOf } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { AuditFailed, complaintsAbout, countStored } from "../system/audit.ts";
import { Service } from "../system/service.ts";

const key = `mrw_${"a".repeat(32)}`;

/** How long the service is away. ms */
const awayMs = 5_000;

/** A request that was on its way when its program ended is answered by then. ms */
const settleMs = 500;

/** Events of each case. */
const events = { natural: 5, restart: 100, loop: 3_000, killed: 100 };
type Case = keyof typeof events;

const names = Object.keys(sdks).filter((name): name is Sdk => name in sdks);

/** One SDK in one round. */
type Found = { bytes: number; trackUs: number; lost: Record<Case, number> };

/** Four cases with each SDK. */
export const clients = scenario({
  name: "clients",
  summary: "the client beside posthog-node, Segment's and RudderStack's for Node: cost, events lost; only on request",
  missing: () => (Bun.which("node") === null ? "node is not installed" : undefined),
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  await installSdks(run);
  const client = await buildClient(run);
  const audits: string[] = [];
  const rounds = await run.eachRound(async (round) => {
    const found = new Map<Sdk, Found>();
    for (const sdk of inTurn(names, round)) {
      const { audit, ...told } = await measureOne(run, sdk, { client, outbox: join(run.folder, `outbox-${round}`) });
      found.set(sdk, { ...told, bytes: await weigh(sdk, run) });
      audits.push(`${sdk}: ${audit}`);
    }
    return found;
  });
  const figures = names.flatMap((sdk) => {
    const of = rounds.flatMap((found) => found.get(sdk) ?? []);
    return figuresOf({ side: sdk }, of, rows);
  });
  return {
    about: `Programs under Node, each with one SDK and its defaults, which send to the service with a write key. Size: all that the SDK imports, minified and compressed. \`track\`: one call, the mean of ${events.loop} in a loop. Lost: of ${events.natural} events of a program that then ends by itself; of ${events.restart} tracked while the service is away for ${awayMs / 1e3} s, and closed as documented; of ${events.loop} in a loop, closed; of ${events.killed} followed at once by kill -9, after one more start (the client with its outbox on disk, which the others do not have). ${run.rounds} rounds.`,
    figures,
    plots: [
      barsOf(
        { title: "One call of track", unit: "us" },
        figures.filter(({ unit }) => unit === "us"),
        ({ side }) => side,
      ),
    ],
    audits,
  };
}

const rows: readonly FigureRow<Found>[] = [
  ["size, bytes", "count", "lower", ({ bytes }) => bytes],
  ["track", "us", "lower", ({ trackUs }) => trackUs],
  ["lost at a natural end", "events", "lower", ({ lost }) => lost.natural],
  ["lost at a restart of 5 s", "events", "lower", ({ lost }) => lost.restart],
  ["lost of 3,000 in a loop", "events", "lower", ({ lost }) => lost.loop],
  ["lost at kill -9", "events", "lower", ({ lost }) => lost.killed],
];

/** All cases of one SDK, on a service of its own. */
async function measureOne(run: ScenarioRun, sdk: Sdk, at: { client: string; outbox: string }) {
  const { folder, signal } = run;
  const home = join(folder, sdk);
  const keyFile = join(folder, "keys.json");
  const entry = { name: "bench", key_sha256: createHash("sha256").update(key).digest("hex") };
  await Bun.write(keyFile, JSON.stringify({ keys: [entry] }));
  const start = (port: string) =>
    Service.start({ folder, signal, dataDir: home, env: { PORT: port, MILLRACE_WRITE_KEYS: keyFile } });

  await using ending = new AsyncDisposableStack();
  let service = ending.use(await start("0"));
  const { url } = service;
  const program = (what: Order["what"], count: number, more: Record<string, string> = {}) =>
    runProgram({ sdk, what, events: count, env: { TO: url, KEY: key, CLIENT: at.client, ...more } }, signal);
  /** How many of a case's events are missing once its programs have ended. */
  const lostIn = async (name: Case, act: () => Promise<unknown>): Promise<number> => {
    run.progress(`  ${sdk}: ${name}`);
    const before = (await service.stats()).totalEvents;
    await act();
    await Bun.sleep(settleMs);
    return events[name] - ((await service.stats()).totalEvents - before);
  };

  const natural = await lostIn("natural", () => program("natural", events.natural));
  const restart = await lostIn("restart", async () => {
    await service.kill();
    const running = program("ended", events.restart);
    await Bun.sleep(awayMs);
    service = ending.use(await start(new URL(url).port));
    await running;
  });
  let trackUs = Number.NaN;
  const loop = await lostIn("loop", async () => {
    trackUs = await program("ended", events.loop);
  });
  const killed = await lostIn("killed", async () => {
    await program("killed", events.killed, { OUTBOX: at.outbox });
    await program("ended", 0, { OUTBOX: at.outbox });
  });
  const counted = (await service.stats()).totalEvents;
  await service.stop();
  const { stored, distinct } = await countStored(home);
  const complaints = complaintsAbout({ acknowledged: counted, unansweredMax: 0, counted, stored, distinct });
  if (complaints.length > 0) throw new AuditFailed(complaints);
  return { trackUs, lost: { natural, restart, loop, killed }, audit: `${counted} events counted, stored, none twice` };
}
