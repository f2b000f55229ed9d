/** `POST /api/v1/analytics/import`: for the command `import` alone, so it is not in the document. */
import { Type } from "@sinclair/typebox";
import { json } from "../answers.ts";
import { withJsonBody } from "./json-body.ts";
import { upkeepOf } from "./upkeep-of.ts";

const pieceSchema = Type.Object(
  {
    // A name, not a path, so that it cannot refer to a file outside its folder.
    file: Type.String({ pattern: "^[0-9a-f-]{36}\\.ndjson$" }),
    events: Type.Integer({ minimum: 1 }),
    line_bytes_max: Type.Integer({ minimum: 1 }),
    ids: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);

/** Seals a file that the command put into the data folder. */
export const importPiece = withJsonBody(pieceSchema, async (context, { request, server, subject }, { value }) => {
  context.audit.note("act", { subject, what: { act: "import" } });
  const { file, events, line_bytes_max: lineBytesMax, ids } = value;
  server?.timeout(request, 0);
  return json({ imported: await upkeepOf(context).importLines({ file, events, lineBytesMax, ids }) });
});
