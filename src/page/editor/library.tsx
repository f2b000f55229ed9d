/** Beside the editor: what can be asked, what was saved, what ran. */
import { useState } from "preact/hooks";
import { time } from "../parts/numbers.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import type { Source } from "./catalog.ts";
import { past } from "./kept-queries.ts";
import { SavedList } from "./saved-list.tsx";

const shelves = ["Catalog", "Saved", "History"] as const;

/** Three lists, one of which is seen. `onUse` puts a statement into the editor. */
export function Library(props: { text: string; sources: readonly Source[]; onUse: (sql: string) => void }) {
  const { text, sources, onUse } = props;
  const [shelf, setShelf] = useState<(typeof shelves)[number]>("Catalog");
  return (
    <section class="figure library" aria-label="Library">
      <fieldset class="switch">
        <legend class="unseen">What is listed</legend>
        {shelves.map((name) => (
          <button key={name} type="button" aria-pressed={name === shelf} onClick={() => setShelf(name)}>
            {name}
          </button>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section class="shelf" aria-label={shelf} tabIndex={0}>
        {shelf === "Catalog" && <CatalogList sources={sources} onUse={onUse} />}
        {shelf === "Saved" && <SavedList text={text} onUse={onUse} />}
        {shelf === "History" && <PastList onUse={onUse} />}
      </section>
    </section>
  );
}

function CatalogList({ sources, onUse }: { sources: readonly Source[]; onUse: (sql: string) => void }) {
  if (sources.length === 0) return <p class="quiet">The catalog is not known yet.</p>;
  return (
    <ul class="catalog">
      {sources.map((source) => (
        <li key={`${source.kind} ${source.name}`}>
          <details>
            <summary>
              <code class="name">{source.name}</code>
              {source.kind === "macro" && <code class="quiet">({source.parameters.join(", ")})</code>}
            </summary>
            <p class="quiet">{source.about}</p>
            <ul class="fields">
              {source.columns.map(({ name, type, about }) => (
                <li key={name} title={about}>
                  <code>{name}</code> <span class="quiet">{shortType(type)}</span>
                </li>
              ))}
            </ul>
            {source.example !== undefined && <Example sql={source.example} name={source.name} onUse={onUse} />}
          </details>
        </li>
      ))}
    </ul>
  );
}

/** A type in one or two words. */
const shortType = (type: string) =>
  type
    .replace(/^ENUM\(.*\)/, "ENUM")
    .replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    .toLowerCase();

function Example({ sql, name, onUse }: { sql: string; name: string; onUse: (sql: string) => void }) {
  return (
    <div class="example">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre tabIndex={0}>{sql}</pre>
      <button type="button" onClick={() => onUse(sql)} aria-label={`Use the example of ${name}`}>
        Use
      </button>
    </div>
  );
}

function PastList({ onUse }: { onUse: (sql: string) => void }) {
  const queries = useCell(past);
  const shownZone = useCell(zone);
  if (queries.length === 0) return <p class="quiet">Queries that ran are listed here, in this browser alone.</p>;
  return (
    <ul class="past">
      {queries.map(({ sql, at }) => (
        <li key={sql}>
          <button type="button" class="text" onClick={() => onUse(sql)}>
            <code class="past-sql">{sql}</code>
            <span class="past-time">{time(Date.parse(at), shownZone, "minute")}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
