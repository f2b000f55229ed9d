/** A journal line as the tail shows it: every column, and properties as they were sent. */
import { expect, test } from "bun:test";
import { fieldNames } from "../../src/event/fields.ts";
import { eventJson, fits, membersOf } from "../../src/tail/filter.ts";
import { fc } from "../support/property.ts";

const head =
  '{"event_id":"01a21d33-73b8-7585-aedd-75716621b736","timestamp":"2026-11-27T13:30:40.950000Z","received_at":"2026-11-27T13:30:40.950000Z","category":"auth"';

const text = fc.string({ unit: "binary", maxLength: 30 });

test("any strings in a line come out as they are, and are what a filter compares", () => {
  fc.assert(
    fc.property(text, text, fc.jsonValue(), fc.boolean(), (user, session, value, isQuoted) => {
      const properties = JSON.stringify({ value });
      const given = isQuoted ? JSON.stringify(properties) : properties;
      const members = membersOf(
        `${head},"content":  123,"priority":"low","event_name":"a","session_id":${JSON.stringify(session)},"user_id":${JSON.stringify(user)},"properties":${given}}`,
      );
      const json = eventJson(members);
      expect(json).toEndWith(`"properties":${properties}}`);
      const event = JSON.parse(json);
      expect(Object.keys(event)).toEqual([...fieldNames]);
      expect(event).toMatchObject({ user_id: user, session_id: session, category: "auth", subject: null });
      expect(fits(members, { user_id: user, session_id: session, category: "auth" })).toBe(true);
      expect(fits(members, { user_id: `${user}x` })).toBe(false);
      expect(fits(members, { client_id: "" })).toBe(false);
    }),
  );
});
