/** The saved queries: with a name, in this browser, and as a file for another one. */
import { useRef, useState } from "preact/hooks";
import { useCell } from "../state/cell.ts";
import { download } from "./download.ts";
import { addFile, remove, save, saved, shelfFault } from "./kept-queries.ts";
import { fileOfQueries, NotSavedQueries } from "./saved.ts";

/** A file of queries is small; anything larger is something else. Bytes. */
const fileBytesMax = 1_000_000;

/** The list, and the form that adds the statement in the editor. */
export function SavedList({ text, onUse }: { text: string; onUse: (sql: string) => void }) {
  const queries = useCell(saved);
  const fault = useCell(shelfFault);
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const isTaken = queries.some((query) => query.name === name.trim());
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    try {
      if (file.size > fileBytesMax) throw new NotSavedQueries("The file is too large for a list of queries");
      setSaid(`${addFile(await file.text())} queries added`);
    } catch (error) {
      if (!(error instanceof NotSavedQueries)) throw error;
      setSaid(error.message);
    }
  };
  return (
    <div class="saved">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save({ name: name.trim(), sql: text });
          setSaid(`Saved as ${name.trim()}`);
          setName("");
        }}
      >
        <label>
          <span class="unseen">Name of the query</span>
          <input
            value={name}
            placeholder="Name of the query"
            maxLength={80}
            onInput={({ currentTarget: { value } }) => setName(value)}
          />
        </label>
        <button type="submit" disabled={name.trim() === "" || text.trim() === ""}>
          {isTaken ? "Replace" : "Save"}
        </button>
      </form>
      <p class="quiet" aria-live="polite">
        {fault ?? said}
      </p>
      <ul>
        {queries.map((query) => (
          <li key={query.name}>
            <button type="button" class="text" onClick={() => onUse(query.sql)} title={query.sql}>
              {query.name}
            </button>
            <button type="button" class="text" aria-label={`Remove ${query.name}`} onClick={() => remove(query.name)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      {queries.length === 0 && <p class="quiet">Saved queries stay in this browser, without the token.</p>}
      <div class="tools">
        <button
          type="button"
          disabled={queries.length === 0}
          onClick={() =>
            download("millrace-queries.json", new Blob([fileOfQueries(queries)], { type: "application/json" }))
          }
        >
          Save as a file
        </button>
        <button type="button" onClick={() => chooser.current?.click()}>
          Add from a file
        </button>
        <input
          ref={chooser}
          type="file"
          accept="application/json,.json"
          hidden
          aria-label="A file of queries"
          onChange={({ currentTarget }) => {
            read(currentTarget.files?.[0]).catch((error: unknown) => reportError(error));
            // The same file can be chosen again.
            currentTarget.value = "";
          }}
        />
      </div>
    </div>
  );
}
