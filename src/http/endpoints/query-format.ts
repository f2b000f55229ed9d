/** The format of a query's answer, by `Accept`. */
import { contentTypes, type QueryFormat, queryFormats } from "../../query/protocol.ts";
import { Refusal } from "../answers.ts";

/**
 * The format that the client prefers, by `Accept`.
 * @throws Refusal 406 when none is available
 */
export function acceptedFormat(request: Request): QueryFormat {
  // An empty header counts as a missing one.
  const ranges = (request.headers.get("accept")?.trim() || "*/*")
    .split(",")
    .map((range) => {
      const [type = "", ...options] = range.split(";").map((part) => part.trim().toLowerCase());
      const quality = options.find((option) => option.startsWith("q="));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type } of ranges) {
    const format = queryFormats.find((each) => isIn(contentTypes[each].split(";", 1)[0] ?? "", type));
    if (format !== undefined) return format;
  }
  throw new Refusal(406, {
    reason: "not_acceptable",
    text: `The answer can be ${queryFormats.map((format) => contentTypes[format]).join(", ")}`,
  });
}

/** Whether a media type matches a range such as `text/*`. */
const isIn = (type: string, range: string) =>
  range === "*/*" || range === type || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)));
