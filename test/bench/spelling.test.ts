/** The rules that spell the bench's bodies, beside what the real encoders wrote: see `test/fixtures/spelling/`. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { batchBodies, realKeys } from "../../bench/load/events.ts";
import { respelled, spellings } from "../../bench/load/spelling.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dir, "../fixtures/spelling", `${name}.json`), "utf8");

test.each(spellings.map((spelling) => [spelling]))("%s: the rules write what the encoder wrote", (spelling) => {
  const written = respelled(fixture("events"), spelling);
  expect(written).toBe(fixture(spelling));
});

test("the bench's bodies mean the same in every spelling", () => {
  const bodies = batchBodies({ seed: 1, nowMs: 0, ids: "client", count: 2 });
  for (const spelling of spellings)
    for (const body of bodies) {
      const spelled = respelled(body, spelling, realKeys);
      expect(JSON.parse(spelled)).toEqual(JSON.parse(body));
      if (spelling === "javascript") expect(spelled).toBe(body);
    }
});
