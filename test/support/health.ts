/** What health says to an operator. */
import type { Service } from "./service.ts";
import { until } from "./until.ts";

/** The status and the warnings of a health answer. */
export const warningsOf = async (service: Service): Promise<{ status: string; warnings: string[] }> =>
  JSON.parse(await (await service.health()).text());

/** Waits until health has a warning with these words, and returns it. */
export async function warned(service: Service, words: string): Promise<string> {
  let seen: string[] = [];
  return await until(
    async () => {
      seen = (await warningsOf(service)).warnings;
      return seen.find((each) => each.includes(words));
    },
    { what: `a warning with "${words}"`, limitMs: 30_000, state: () => seen.join("\n") },
  );
}
