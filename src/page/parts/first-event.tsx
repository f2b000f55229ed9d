/** What to do while there is no event: a line that works as pasted. */
import { Copied } from "./copied.tsx";

/** The address of the service, as this browser reaches it, without a final slash. */
const serviceUrl = (): string => new URL(".", location.href).href.replace(/\/$/, "");

/** A line that sends an event. The token stays a command: the page's own one may only read. */
const firstEventLine = (): string =>
  [
    `curl -X POST ${serviceUrl()}/api/v1/analytics \\`,
    `  -H "Authorization: Bearer $(bun run millrace token --subject me)" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"event_name":"signup","category":"user_action","user_id":"ada","page_url":"https://shop.example/"}'`,
  ].join("\n");

/** Says how to send a first event. */
export function FirstEvent() {
  return (
    <section class="first" aria-labelledby="first-event">
      <h2 id="first-event">No event has arrived yet</h2>
      <p>Send one from the folder of the service. It shows here within two seconds.</p>
      <Copied text={firstEventLine()} label="a line that sends an event" />
    </section>
  );
}
