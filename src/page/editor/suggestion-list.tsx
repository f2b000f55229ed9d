/** The list of suggestions below the cursor. The focus stays in the text; the text says which line is active. */
import { useEffect, useRef } from "preact/hooks";
import type { Suggestion } from "./completion.ts";

/** The element of a line, by its place in the list. */
export const suggestionId = (at: number): string => `suggestion-${at}`;

/** The list, with what the active line means beside it. `chosen` is -1 if none is active; `place` in px. */
export function SuggestionList(props: {
  suggestions: readonly Suggestion[];
  chosen: number;
  place: { left: number; top: number };
  onTake: (suggestion: Suggestion) => void;
}) {
  const { suggestions, chosen, place, onTake } = props;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen, suggestions]);
  const about = suggestions[chosen]?.about ?? "";
  return (
    <div class="suggestions" style={{ insetInlineStart: `${place.left}px`, insetBlockStart: `${place.top}px` }}>
      <div ref={list} id="suggestions" role="listbox" aria-label="Suggestions">
        {suggestions.map((suggestion, at) => (
          // The keyboard is the text field's, which names the active line.
          // biome-ignore lint/a11y/useKeyWithClickEvents: see above
          // biome-ignore lint/a11y/useFocusableInteractive: see above
          <div
            key={`${suggestion.kind} ${suggestion.label}`}
            id={suggestionId(at)}
            role="option"
            aria-selected={at === chosen}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onTake(suggestion)}
          >
            <span class="label">{suggestion.label}</span>
            <span class="quiet">{suggestion.detail === "" ? suggestion.kind : suggestion.detail}</span>
          </div>
        ))}
      </div>
      {about !== "" && <p class="about quiet">{about}</p>}
    </div>
  );
}
