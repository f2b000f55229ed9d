/** Health: what the service says about itself, its backlog, its freshness and its disk. */
import { AlertsFigure } from "../parts/alerts.tsx";
import { AsOf } from "../parts/as-of.tsx";
import { KeyNumber } from "../parts/key-number.tsx";
import { bytes, count, duration, share, time } from "../parts/numbers.ts";
import { Table } from "../parts/table.tsx";
import type { Column } from "../service/ask.ts";
import { health, stats } from "../service/pulse.ts";
import { goneSinceMs, isRecord } from "../service/request.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";

const healthPath = "/api/v1/analytics/health";
const statsPath = "/api/v1/analytics/stats";

/** The last health and stats that the service gave. */
export function HealthView() {
  const seen = useCell(health);
  const goneMs = useCell(goneSinceMs);
  const counts = useCell(stats);
  if (seen === undefined) return <p class="quiet">Asking…</p>;
  const { body, asOfMs } = seen;
  const number = (name: string) => (typeof body[name] === "number" ? body[name] : undefined);
  const backlog = Array.isArray(body["shards"]) ? backlogOf(body["shards"].filter(isRecord)) : undefined;
  const disk = number("disk_free_bytes");
  return (
    <div class={goneMs === undefined ? "figures" : "figures old"}>
      <section class="figure wide" aria-labelledby="status">
        <header>
          <h2 id="status">Status</h2>
        </header>
        <p class="status">
          <span class={`dot ${String(body["status"])}`} aria-hidden="true" /> {String(body["status"])}
        </p>
        <Sentences title="Problems" kind="bad" of={body["problems"]} />
        <Sentences title="Warnings" kind="warn" of={body["warnings"]} />
        {!("problems" in body) && (
          <p class="quiet">This service says only its status to this token (MILLRACE_METRICS).</p>
        )}
        <AsOf atMs={asOfMs} path={healthPath} />
      </section>
      <AlertsFigure />
      <section class="figure wide" aria-labelledby="backlog">
        <header>
          <h2 id="backlog">Backlog and disk</h2>
        </header>
        <dl class="numbers">
          <Buffer pending={backlog?.pending} />
          {backlog !== undefined && <KeyNumber name="age of the oldest of them" value={oldestText(backlog)} />}
          {number("segments") !== undefined && <KeyNumber name="segments" value={count(number("segments") ?? 0)} />}
          {disk !== undefined && <KeyNumber name="free on the disk" value={bytes(disk)} />}
        </dl>
        <AsOf atMs={Math.min(asOfMs, counts?.asOfMs ?? asOfMs)} path={`${healthPath} and ${statsPath}`} />
      </section>
      <Shards shards={body["shards"]} freshness={body["freshness"]} asOfMs={asOfMs} />
    </div>
  );
}

/** What waits to be sealed; both numbers are of one moment. */
type Backlog = { pending: number; oldestSeconds: number };

const backlogOf = (shards: readonly Readonly<Record<string, unknown>>[]): Backlog => ({
  pending: shards.reduce((sum, shard) => sum + Number(shard["events_pending"]), 0),
  oldestSeconds: shards.reduce((oldest, shard) => Math.max(oldest, Number(shard["oldest_unsealed_seconds"])), 0),
});

/** Of no event there is no age. */
const oldestText = ({ pending, oldestSeconds }: Backlog) => (pending === 0 ? "–" : duration(oldestSeconds));

/** `pending` is what health counted; where it says only its status, the stats count. */
function Buffer({ pending }: { pending: number | undefined }) {
  const seen = useCell(stats);
  const waiting = pending ?? seen?.pending;
  if (waiting === undefined) return null;
  return (
    <>
      <KeyNumber name="events not sealed yet" value={count(waiting)} />
      {seen !== undefined && seen.pendingMax > 0 && (
        <KeyNumber name="of the buffer in use" value={share(waiting / seen.pendingMax)} />
      )}
    </>
  );
}

function Sentences({ title, kind, of }: { title: string; kind: string; of: unknown }) {
  if (!Array.isArray(of) || of.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class={kind}>
        {of.map((sentence) => (
          <li key={String(sentence)}>{String(sentence)}</li>
        ))}
      </ul>
    </>
  );
}

/** A row for each shard: what it has accepted, and what of it the catalog shows. */
function Shards({ shards, freshness, asOfMs }: { shards: unknown; freshness: unknown; asOfMs: number }) {
  const shownZone = useCell(zone);
  if (!Array.isArray(shards) || !Array.isArray(freshness)) return null;
  const accepting = new Map(shards.filter(isRecord).map((entry) => [entry["shard"], entry]));
  const rows = freshness.filter(isRecord).map((sealed) => {
    const { shard, watermark, rows, segments, bytes: size } = sealed;
    const running = accepting.get(shard);
    const isAll = shard === null;
    const backlog = isAll ? backlogOf([...accepting.values()]) : running && backlogOf([running]);
    const watermarkMs = Date.parse(String(watermark));
    return [
      isAll ? "all" : shard === importedShard ? "imported" : shard,
      running === undefined ? "–" : running["accepting"] === true ? "yes" : "no",
      backlog?.pending ?? "–",
      backlog === undefined ? "–" : oldestText(backlog),
      Number(rows),
      Number(segments),
      bytes(Number(size)),
      // A time of another day needs its day.
      time(watermarkMs, shownZone, asOfMs - watermarkMs < clockOnlyMs ? "second" : "full"),
    ];
  });
  return (
    <section class="figure wide" aria-labelledby="shards">
      <header>
        <h2 id="shards">Shards and freshness</h2>
      </header>
      <Table caption="Shards" columns={shardColumns} rows={rows} />
      <p class="quiet">
        The catalog, which analysts open, shows every event accepted before “fresh as of”. Figures of this page also
        show what is not sealed yet.
      </p>
      <AsOf atMs={asOfMs} path={healthPath} />
    </section>
  );
}

/** A time up to this age is shown without its day. ms */
const clockOnlyMs = 12 * 3_600_000;

/** The shard of events that were imported, as `freshness` numbers it. */
const importedShard = 9999;

const shardColumns: readonly Column[] = [
  { name: "shard", type: "VARCHAR" },
  { name: "accepts", type: "VARCHAR" },
  ...["not sealed yet", "oldest of them", "events sealed", "segments", "size", "fresh as of"].map((name) => ({
    name,
    type: "DOUBLE",
  })),
];
