/** Health: what the service says about itself, its backlog, its freshness and its disk. */
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
  const oldest = number("oldest_unsealed_seconds");
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
      <section class="figure wide" aria-labelledby="backlog">
        <header>
          <h2 id="backlog">Backlog and disk</h2>
        </header>
        <dl class="numbers">
          <Buffer />
          {oldest !== undefined && <KeyNumber name="age of the oldest of them" value={duration(oldest)} />}
          {number("segments") !== undefined && <KeyNumber name="segments" value={count(number("segments") ?? 0)} />}
          {disk !== undefined && <KeyNumber name="free on the disk" value={bytes(disk)} />}
        </dl>
        <AsOf atMs={Math.min(asOfMs, counts?.asOfMs ?? asOfMs)} path={`${healthPath} and ${statsPath}`} />
      </section>
      <Shards shards={body["shards"]} freshness={body["freshness"]} asOfMs={asOfMs} />
      <Alerts />
    </div>
  );
}

function Buffer() {
  const seen = useCell(stats);
  if (seen === undefined) return null;
  const { pending, pendingMax } = seen;
  return (
    <>
      <KeyNumber name="events not sealed yet" value={count(pending)} />
      <KeyNumber name="of the buffer" value={share(pendingMax === 0 ? 0 : pending / pendingMax)} />
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
    return [
      shard === null ? "all" : shard === importedShard ? "imported" : shard,
      running === undefined ? "–" : running["accepting"] === true ? "yes" : "no",
      running === undefined ? "–" : Number(running["events_pending"]),
      running === undefined ? "–" : duration(Number(running["oldest_unsealed_seconds"])),
      Number(rows),
      Number(segments),
      bytes(Number(size)),
      time(Date.parse(String(watermark)), shownZone, "second"),
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

function Alerts() {
  const seen = useCell(stats);
  if (seen === undefined || seen.alerts.length === 0) return null;
  const columns = ["alert", "state", "value", "at"].map((name) => ({
    name,
    type: name === "at" ? "TIMESTAMP WITH TIME ZONE" : "",
  }));
  const rows = seen.alerts.map(({ alert, state, value, at }) => [alert, state, value, at]);
  return (
    <section class="figure wide" aria-label="Alerts">
      <header>
        <h2>Alerts</h2>
      </header>
      <Table caption="Alerts" columns={columns} rows={rows} />
      <AsOf atMs={seen.asOfMs} path={statsPath} />
    </section>
  );
}
