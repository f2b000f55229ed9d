/** Makes a client of its parts. */
import { type Clock, realClock } from "./clock.ts";
import { eventId } from "./event-id.ts";
import { describe, jsonOf } from "./event-text.ts";
import { localStorageOutbox } from "./local-storage.ts";
import { browser, page, watchPage } from "./page.ts";
import { reporterOf } from "./report.ts";
import { createSender } from "./sender.ts";
import type { Client, ClientOptions, EventOptions } from "./types.ts";
import { createVisitor } from "./visitor.ts";

/** Makes a client. Tests give it a clock that they steer. */
export function createClientIn(options: ClientOptions, clock: Clock = realClock): Client {
  const key = `millrace ${options.url}`;
  const isUsable = options.token && /^https?:/.test(options.url);
  const visitor = createVisitor(key, options.anonymous_id);
  const { isOut } = visitor;
  const outbox = options.outbox === "localStorage" ? localStorageOutbox(`${key} event `) : options.outbox;
  // What an earlier run left is not lost by a run that cannot send.
  const claimed = isUsable && !isOut() ? outbox : undefined;
  const sender = createSender(options, clock, claimed, reporterOf(options.onDrop));
  let isClosed = false;

  /** `base`: fields that the application's own replace. Everything of the application's is read within the `try`. */
  const record = (name: string, properties?: unknown, given?: EventOptions, base?: () => EventOptions) => {
    const reason = !isUsable ? "misconfigured" : isClosed ? "closed" : isOut() ? "opted_out" : undefined;
    if (reason) sender.drop(1, reason);
    else
      try {
        const nowMs = clock.now();
        const fields: EventOptions = base ? { ...base(), ...given } : (given ?? {});
        // An event that names a user or a device is not linked to this client's visitor.
        const isNamed = fields.user_id !== undefined || fields.anonymous_id !== undefined;
        sender.add(
          jsonOf({
            event_name: name,
            properties,
            ...fields,
            anonymous_id: isNamed ? fields.anonymous_id : visitor.anonymousId(),
            timestamp: fields.timestamp ?? new Date(nowMs).toISOString(),
            event_id: fields.event_id ?? eventId(nowMs),
          }),
        );
      } catch (error) {
        sender.drop(1, "not_json", describe(error));
      }
  };

  const close = (limitMs?: number) => {
    isClosed = true;
    return sender.close(limitMs);
  };
  watchPage(sender.turn);
  return {
    track: record,
    identify: (userId, given) =>
      record("identify", undefined, given, () => ({
        category: "system",
        user_id: userId,
        anonymous_id: visitor.anonymousId(userId),
      })),
    page: (properties, given) =>
      record("page_view", properties, given, () => ({
        category: "page_view",
        page_url: browser.location?.href,
        referrer: page?.referrer || undefined,
      })),
    optOut() {
      visitor.choose({ opted_out: true });
      sender.giveUp("opted_out");
    },
    optIn() {
      visitor.choose({});
    },
    flush: sender.flush,
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
