/** The table of fields: the orders that are promises stand here again. */
import { expect, test } from "bun:test";
import { eventFieldNames, fieldNames, sentNames, sharedNames } from "../../src/event/fields.ts";

test("errors come in the reference's order of fields, and what was added comes after it", () => {
  expect(eventFieldNames.join(" ")).toBe(
    "event_name category priority properties timestamp session_id page_url referrer user_agent user_id anonymous_id event_id",
  );
});

test("columns keep their places", () => {
  expect(fieldNames.join(" ")).toBe(
    "event_id event_name category priority timestamp received_at subject client_id user_id anonymous_id session_id page_url referrer user_agent properties",
  );
});

test("a line keeps its order, over which checksums are made: what a request shares, what was sent, properties last", () => {
  expect([...sharedNames, ...sentNames].join(" ")).toBe(
    "subject client_id priority event_name session_id page_url referrer user_agent user_id anonymous_id properties",
  );
});
