/** The door: a token is pasted once, and kept for this tab. */
import { useState } from "preact/hooks";
import { Copied } from "./parts/copied.tsx";
import { keepToken, tokenRefusal } from "./service/token.ts";
import { useCell } from "./state/cell.ts";

/** Makes a token that may do all that the page does. */
const tokenLine = 'bun run millrace token --subject me --scope "stats:read query" --ttl 8h';

/** Asks for a token, and says what was wrong with the last one. */
export function Door() {
  const refusal = useCell(tokenRefusal);
  const [text, setText] = useState("");
  const enter = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() !== "") keepToken(text);
  };
  return (
    <main class="door">
      <form onSubmit={enter}>
        <h1>Millrace</h1>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          aria-describedby="token-help"
          aria-invalid={refusal !== undefined}
        />
        {refusal !== undefined && (
          <p class="bad" role="alert">
            The service refused this token: {refusal}
          </p>
        )}
        <button type="submit" class="main">
          Look
        </button>
        <div id="token-help" class="quiet">
          <p>A token with the scopes stats:read and query. This line, run in the folder of the service, prints one:</p>
        </div>
        <Copied text={tokenLine} label="a line that makes a token" />
        <p class="quiet">It stays in this tab and goes away with it. It is sent to this service alone.</p>
      </form>
    </main>
  );
}
