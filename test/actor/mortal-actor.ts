/** Worker entry of the host's test: it dies when it is told to, and at its second birth before it is ready. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { bornWith, type Handlers, handlerOf, type Recovery } from "../../src/actor/serve.ts";

/** What it is asked. */
export type MortalRequest = { kind: "recover" } | { kind: "die" } | { kind: "add"; one: number; other: number };

/** What it answers. */
export type MortalReplies = { recover: Recovery; die: undefined; add: number };

const { birthsPath } = bornWith() as { birthsPath: string };
const births = 1 + (existsSync(birthsPath) ? Number(readFileSync(birthsPath, "utf8")) : 0);
writeFileSync(birthsPath, String(births));
if (births === 2) process.exit(1);

const handlers: Handlers<MortalRequest, MortalReplies> = {
  recover: async () => ({ refused: undefined }),
  die: async () => process.exit(1),
  add: async ({ one, other }) => one + other,
};

/** What piscina calls. */
export const handle = handlerOf(handlers);
