/** Worker entry of the parser's thread: one body, one reply; all state is in `BodyParser`. */
import { bornWith, type Handlers, handlerOf } from "../../actor/serve.ts";
import { BodyParser } from "./body-parser.ts";
import type { ParserOptions, ParserReplies, ParserRequest } from "./protocol.ts";

const options = bornWith() as ParserOptions;

const parser = new BodyParser();
// The first body waits for the schemas that the thread is born with.
const born = parser.useSchemas(options.schemas.source);

const handlers: Handlers<ParserRequest, ParserReplies> = {
  recover: async () => ({ refused: undefined }),
  parse: async (left) => {
    await born;
    return parser.parse(left);
  },
  schemas: async ({ source }) => {
    await born;
    await parser.useSchemas(source);
    return undefined;
  },
};

/** What piscina calls. */
export const handle = handlerOf(() => handlers);
