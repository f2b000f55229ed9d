/**
 * A text field for SQL with colours, completion and the mark of an error. The field is a plain `textarea`, so that
 * keyboards, screen readers and undo work as everywhere. Behind it lies the same text in colours.
 */
import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Source } from "./catalog.ts";
import { type Completion, complete, type Suggestion } from "./completion.ts";
import { SuggestionList, suggestionId } from "./suggestion-list.tsx";
import { tokensOf } from "./tokens.ts";

/** A stretch of the text, in UTF-16 units. */
export type Mark = { readonly start: number; readonly end: number };

/** The editor. `mark`: where the last error is. */
export function Editor(props: {
  text: string;
  mark: Mark | undefined;
  sources: readonly Source[];
  onText: (text: string) => void;
  onRun: () => void;
}) {
  const { text, mark, sources, onText, onRun } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const paint = useRef<HTMLPreElement>(null);
  const [list, setList] = useState<Completion | undefined>(undefined);
  const [chosen, setChosen] = useState(0);
  // The cursor goes where the error is, unless the person is writing somewhere else already.
  useEffect(() => {
    if (mark !== undefined) field.current?.setSelectionRange(mark.start, mark.end);
  }, [mark]);
  const open = (at: HTMLTextAreaElement, isWanted: boolean) => {
    const found = complete(at.value, at.selectionStart, sources);
    const isAfterDot = at.value[at.selectionStart - 1] === ".";
    const isShown = found.suggestions.length > 0 && (isWanted || isAfterDot || found.typed !== "");
    setList(isShown ? found : undefined);
    // A word that is complete is not replaced by itself: Enter is a new line then.
    const isComplete = found.suggestions.some(
      ({ insert }) => insert.trim().toLowerCase() === found.typed.toLowerCase(),
    );
    setChosen(found.typed === "" || isComplete ? -1 : 0);
  };
  const take = (suggestion: Suggestion) => {
    const at = field.current;
    if (at === null || list === undefined) return;
    replace(at, list, suggestion);
    setList(undefined);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    const action = actionOf(event, list, chosen);
    if (action === undefined) return;
    event.preventDefault();
    if (action === "run") {
      setList(undefined);
      onRun();
    } else if (action === "open") open(event.currentTarget, true);
    else if (action === "close") setList(undefined);
    else if (typeof action === "number") setChosen(action);
    else take(action);
  };
  return (
    <div class="editor">
      <div class="sheet">
        <pre ref={paint} class="paint" aria-hidden="true">
          <Paint text={text} mark={mark} />
        </pre>
        <textarea
          ref={field}
          value={text}
          aria-label="SQL"
          aria-autocomplete="list"
          aria-controls={list === undefined ? undefined : "suggestions"}
          aria-activedescendant={list === undefined || chosen < 0 ? undefined : suggestionId(chosen)}
          aria-invalid={mark !== undefined}
          aria-describedby="sql-keys"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          onInput={(event) => {
            onText(event.currentTarget.value);
            // A deletion asks for no help.
            if (event.inputType.startsWith("delete") && list === undefined) return;
            open(event.currentTarget, false);
          }}
          onKeyDown={onKeyDown}
          onClick={() => setList(undefined)}
          onBlur={() => setList(undefined)}
        />
        {list !== undefined && (
          <SuggestionList
            suggestions={list.suggestions}
            chosen={chosen}
            place={placeOf(paint.current, list.start)}
            onTake={take}
          />
        )}
      </div>
      <p class="unseen" aria-live="polite">
        {list !== undefined && `${list.suggestions.length} suggestions, arrow down to choose`}
      </p>
    </div>
  );
}

/** What a key does: a number chooses a line of the list, a suggestion is taken. */
type Action = "run" | "open" | "close" | number | Suggestion | undefined;

function actionOf(event: KeyboardEvent, list: Completion | undefined, chosen: number): Action {
  const { key } = event;
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) return "run";
  if (key === " " && event.ctrlKey) return "open";
  if (list === undefined || event.isComposing) return undefined;
  const count = list.suggestions.length;
  if (key === "Escape") return "close";
  if (key === "ArrowDown") return (chosen + 1) % count;
  if (key === "ArrowUp") return (chosen <= 0 ? count : chosen) - 1;
  return (key === "Enter" || key === "Tab") && !event.shiftKey ? list.suggestions[chosen] : undefined;
}

/** Writes a suggestion over the typed word. */
function replace(at: HTMLTextAreaElement, { start, end }: Completion, { insert, cursor }: Suggestion): void {
  at.focus();
  at.setSelectionRange(start, end);
  // The only way that keeps the browser's undo; where it is missing, the text changes all the same.
  if (!document.execCommand("insertText", false, insert)) at.setRangeText(insert, start, end, "end");
  at.setSelectionRange(start + cursor, start + cursor);
  at.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertReplacementText" }));
}

/** The text in colours. A line feed at the end has no height without something behind it. */
function Paint({ text, mark }: { text: string; mark: Mark | undefined }) {
  const isMarked = (start: number, end: number) => mark !== undefined && start < mark.end && end > mark.start;
  return (
    <>
      {tokensOf(text).map(({ kind, text: piece, start, end }) => (
        <span key={start} class={`${kind}${isMarked(start, end) ? " fault" : ""}${isKeyword(piece) ? " keyword" : ""}`}>
          {piece}
        </span>
      ))}
      {"\n"}
    </>
  );
}

const isKeyword = (word: string) => keywordPattern.test(word);

const keywordPattern =
  /^(?:select|distinct|from|where|group|by|all|having|qualify|order|limit|offset|with|recursive|as|join|left|right|inner|full|cross|asof|using|on|and|or|not|in|between|like|ilike|is|null|case|when|then|else|end|filter|over|partition|union|except|intersect|interval|desc|asc|nulls|first|last|pivot|unpivot|values|describe|summarize|explain|true|false)$/i;

/** Where a place of the text is on the sheet, px: the list stands below it. */
function placeOf(paint: HTMLElement | null, offset: number): { left: number; top: number } {
  if (paint === null) return { left: 0, top: 0 };
  const walker = document.createTreeWalker(paint, NodeFilter.SHOW_TEXT);
  let before = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (before + length > offset) {
      const range = document.createRange();
      range.setStart(node, offset - before);
      range.setEnd(node, offset - before + 1);
      const at = range.getClientRects()[0];
      const sheet = paint.getBoundingClientRect();
      return at === undefined ? { left: 0, top: 0 } : { left: at.left - sheet.left, top: at.bottom - sheet.top };
    }
    before += length;
  }
  return { left: 0, top: paint.offsetHeight };
}
