/**
 * No number reaches SQL bare: DuckDB would reckon with it in 32 bits where it fits into them (A5: hours times 3600,
 * from 2038 on).
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import ts from "typescript";
import { sequence, shardId } from "../../src/base/brand.ts";
import { categories } from "../../src/event/categories.ts";
import { rollupColumns } from "../../src/event/columns.ts";
import { segmentName } from "../../src/store/folder/names.ts";
import { countSealed } from "../../src/store/segment/rollup.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { integer, literal } from "../../src/store/sql/literals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const root = join(import.meta.dir, "../..");

/** Words that make a text SQL; messages for people have none of them in capitals. */
const sqlWords =
  /\b(SELECT|FROM|WHERE|ORDER BY|GROUP BY|ATTACH|COPY|VALUES|SET|CREATE|INSERT|BLOCK_SIZE|INTERVAL|epoch_[a-z]+|make_timestamp[a-z]*)\b/;

/** Places in template strings with SQL in them where a number stands as it is, as `file:line expression`. */
function bareNumbers(files: Readonly<Record<string, string>> | readonly string[]): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const names = Array.isArray(files) ? [...files] : Object.keys(files).map((name) => join(root, "src", name));
  const texts = new Map(
    Array.isArray(files) ? [] : Object.entries(files).map(([name, text]) => [join(root, "src", name), text]),
  );
  const read = host.getSourceFile.bind(host);
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => texts.has(name) || exists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = texts.get(name);
    return text === undefined ? read(name, ...rest) : ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true);
  };
  const program = ts.createProgram(names, options, host);
  const checker = program.getTypeChecker();
  const found: string[] = [];
  const isNumeric = (type: ts.Type): boolean =>
    type.isUnion()
      ? type.types.some(isNumeric)
      : (type.flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike)) !== 0 ||
        (type.isIntersection() && type.types.some(isNumeric));
  for (const source of program.getSourceFiles()) {
    if (!names.includes(source.fileName)) continue;
    const visit = (node: ts.Node): void => {
      if (
        ts.isTemplateExpression(node) &&
        sqlWords.test(
          [node.head, ...node.templateSpans.map(({ literal }) => literal)].map(({ text }) => text).join(" "),
        )
      )
        for (const { expression } of node.templateSpans)
          if (isNumeric(checker.getTypeAtLocation(expression))) {
            const { line } = source.getLineAndCharacterOfPosition(expression.getStart());
            found.push(`${source.fileName.slice(root.length + 1)}:${line + 1} ${expression.getText()}`);
          }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

describe("no number stands bare in SQL", () => {
  test("and one that does is found out, also behind a brand or a maybe", () => {
    // Spelt without the placeholders' dollar, which would be one of this file's own.
    const sample = [
      "declare const n: number, big: bigint, text: string, shard: number & { brand: 1 }, maybe: number | undefined;",
      "export const a = `SELECT #{n} FROM #{text}`;",
      "export const b = `epoch_ms(x) >= #{big}`;",
      "export const c = `WHERE shard = #{shard} LIMIT #{text}`;",
      "export const d = `ORDER BY #{maybe}`;",
      "export const e = `#{n} rows are there`;",
    ]
      .join("\n")
      .replaceAll("#", "$");
    expect(bareNumbers({ "sample.ts": sample })).toEqual([
      "src/sample.ts:2 n",
      "src/sample.ts:3 big",
      "src/sample.ts:4 shard",
      "src/sample.ts:5 maybe",
    ]);
  });

  test("in this project", () => {
    const files = [...new Bun.Glob("src/**/*.ts").scanSync({ cwd: root, absolute: true })];
    expect(files.length).toBeGreaterThan(100);
    expect(bareNumbers(files)).toEqual([]);
  });
});

test("a literal is a BIGINT whatever its size or sign, and what is no whole number is refused", async () => {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  for (const value of [
    0,
    1,
    -1,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    613_608,
    Number.MAX_SAFE_INTEGER,
    -Number.MAX_SAFE_INTEGER,
  ]) {
    const [row] = await duckdb.rows(
      `SELECT typeof(${integer(value)}) AS type, (${integer(value)})::VARCHAR AS digits, ${integer(1)} - ${integer(1)} AS zero`,
    );
    expect(row).toEqual({ type: "BIGINT", digits: String(value), zero: "0" });
  }
  for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e21])
    expect(() => integer(value)).toThrow();
});

const hourMs = 3_600_000;

test.each([
  "0001-01-01T00:00:00Z",
  "1969-12-31T23:00:00Z",
  "2026-11-26T10:00:00Z",
  "2038-01-19T03:00:00Z",
  "2100-07-01T12:00:00Z",
  "2300-01-01T00:00:00Z",
  "9999-12-31T23:00:00Z",
])("A5: the events of the hour of %s are counted, and those of the hours beside it are in theirs", async (text) => {
  using place = temporaryFolder();
  const path = join(
    place.path,
    segmentName({ shard: shardId(0), from: sequence(1), to: sequence(33), generation: 0, format: 2, crc32: 0 }),
  );
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  await duckdb.run(`ATTACH ${literal(path)} AS segment`);
  const time = text.replace("T", " ").replace("Z", "+00");
  await duckdb.run(`CREATE TABLE segment.rollup AS SELECT ${literal(time)}::TIMESTAMPTZ + to_hours(range::INTEGER - 1) AS hour,
      '${categories[0]}'::${rollupColumns.category} AS category, 'low'::${rollupColumns.priority} AS priority,
      'a' AS event_name, 10 + range AS events FROM range(3)`);
  await duckdb.run("DETACH segment");
  const hour = Date.parse(text) / hourMs;
  const { byHour } = await countSealed(duckdb, [path], { from: hour, to: hour + 2 });
  expect([...byHour].sort(([a], [b]) => a - b)).toEqual([
    [hour, 11],
    [hour + 1, 12],
  ]);
});
