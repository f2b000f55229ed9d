/** Worker entry of the host's test: it dies when it is told to, and at its second birth before it is ready. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { bornWith, type Handlers, handlerOf, type Recovery } from "../../src/actor/serve.ts";

/** What it is asked; `relay` asks the other end of its door for twice the value. */
export type MortalRequest =
  | { kind: "recover" }
  | { kind: "die" }
  | { kind: "add"; one: number; other: number }
  | { kind: "relay"; value: number };

/** What it answers. */
export type MortalReplies = { recover: Recovery; die: undefined; add: number; relay: number };

/** What it asks, and tells. */
export type MortalQuestion = { kind: "double"; value: number } | { kind: "born"; birth: number };

/** What it is answered. */
export type MortalAnswers = { double: number; born: undefined };

const { birthsPath, refused } = bornWith() as { birthsPath: string; refused?: string };
const births = 1 + (existsSync(birthsPath) ? Number(readFileSync(birthsPath, "utf8")) : 0);
writeFileSync(birthsPath, String(births));
if (births === 2) process.exit(1);

/** What piscina calls. */
export const handle = handlerOf<MortalRequest, MortalReplies, MortalQuestion, MortalAnswers>(
  (door): Handlers<MortalRequest, MortalReplies> => ({
    recover: async () => {
      door.tell({ kind: "born", birth: births });
      return { refused };
    },
    die: async () => process.exit(1),
    add: async ({ one, other }) => one + other,
    relay: ({ value }) => door.ask({ kind: "double", value }),
  }),
);
