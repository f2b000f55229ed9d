/** Text to paste somewhere else. */
import { useState } from "preact/hooks";

/** Text with a button that copies it, where the browser allows that: on a page by TLS or of this computer. */
export function Copied({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState("Copy");
  const clipboard: Clipboard | undefined = isSecureContext ? navigator.clipboard : undefined;
  const copy = () =>
    clipboard?.writeText(text).then(
      () => setState("Copied"),
      () => setState("Not allowed"),
    );
  return (
    <div class="copied">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <pre tabIndex={0}>{text}</pre>
      {clipboard !== undefined && (
        <button type="button" onClick={copy} aria-label={`${state}: ${label}`}>
          {state}
        </button>
      )}
    </div>
  );
}
