/** The choice of an event or a property by its name. */
import type { KeyboardEventHandler } from "preact";
import { shortCount, visible } from "../parts/numbers.ts";
import type { CountedName } from "./names.ts";

/** A list of names with their numbers. `none`: what stands for no choice; undefined: a name must be chosen. */
export function NameChoice(props: {
  label: string;
  isLabelSeen?: boolean;
  chosen: string | undefined;
  names: readonly CountedName[];
  none?: string;
  onChoose: (name: string | undefined) => void;
  onKeyDown?: KeyboardEventHandler<HTMLSelectElement>;
  id?: string;
}) {
  const { label, isLabelSeen = true, chosen, names, none, onChoose, onKeyDown, id } = props;
  // A name that does not occur any more stays what it is.
  const isKnown = chosen === undefined || names.some(({ name }) => name === chosen);
  return (
    <label class="choice">
      <span class={isLabelSeen ? "" : "unseen"}>{label}</span>
      <select
        id={id}
        value={chosen === undefined ? "" : `=${chosen}`}
        onChange={({ currentTarget: { value } }) => onChoose(value === "" ? undefined : value.slice(1))}
        onKeyDown={onKeyDown}
      >
        {none !== undefined && <option value="">{none}</option>}
        {!isKnown && <option value={`=${chosen}`}>{chosen}</option>}
        {names.map(({ name, events }) => (
          // The sign before it: a name may be an empty string.
          <option key={name} value={`=${name}`}>
            {visible(name)} · {shortCount(events)}
          </option>
        ))}
      </select>
    </label>
  );
}
