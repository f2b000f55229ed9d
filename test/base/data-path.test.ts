/** C13: where a data folder can be. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { dataPathProblem } from "../../src/base/data-path.ts";

test.each([
  "./data",
  '/srv/it\'s "here"',
  "/srv/100%",
  "/srv/a#b",
  "/srv/{a,b}",
  "/srv/é“日本",
  "/srv/new\nline",
  "/srv/md:x",
  "s3:/x",
  "~",
  `/${"x".repeat(400)}`,
])("%j can be one", (path) => expect(dataPathProblem(path)).toBeUndefined());

test.each([
  ["/srv/data?", "?"],
  ["/srv/what?/data", "?"],
  ["/srv/st*r", "*"],
  ["data[1]", "["],
  ["/srv/\ufffd", "UTF-8"],
  [`/${"x/".repeat(300)}`, "480 bytes"],
  [join("/", "é".repeat(250)), "480 bytes"],
])("%j cannot, and the reason names %s", (path, what) => expect(dataPathProblem(path)).toContain(what));
