/** How scripts of `millrace sql` are read: pieces with their lines, and values in the place of parameters. */
import { describe, expect, test } from "bun:test";
import { piecesOf } from "../../src/cli/sql-pieces.ts";
import { SqlValues } from "../../src/cli/sql-values.ts";
import { fc } from "../support/property.ts";

const pieces = (script: string) => [...piecesOf(script)].map(({ text, line }) => `${line} ${text}`);

describe("a script is cut into statements and commands, each with the line where it begins", () => {
  test.each([
    ["", []],
    ["SELECT 1", ["1 SELECT 1"]],
    ["\n-- a; b\n/* ;\n */ SELECT 1;\nSELECT\n 2;", ["4 SELECT 1", "5 SELECT\n 2"]],
    [".mode csv\nSELECT 1;\n  .tables\n", ["1 .mode csv", "2 SELECT 1", "3 .tables"]],
    ["SELECT 1; SELECT 2;", ["1 SELECT 1", "1 SELECT 2"]],
    ["SELECT '\n.mode csv\n;';\r\n.quit;\r\nSELECT 2", ["1 SELECT '\n.mode csv\n;'", "4 .quit;", "5 SELECT 2"]],
    ["SELECT 1\n.mode csv;", ["1 SELECT 1\n.mode csv"]],
    ["SELECT 1; .mode csv", ["1 SELECT 1", "1 .mode csv"]],
    [".5 + 1;", ["1 .5 + 1"]],
    [";;\n;SELECT 1;;", ["2 SELECT 1"]],
    ["$$;$$;\n-- the end", ["1 $$;$$"]],
  ])("%j", (script, expected) => {
    expect(pieces(script)).toEqual(expected);
  });

  test("whatever the script is, lines grow, and every piece stands in it", () => {
    const part = fc.constantFrom(";", "\n", "'", '"', "--", "/*", "*/", "$$", ".mode", " ", "SELECT 1");
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const script = parts.join("");
        let before = 1;
        for (const { text, line } of piecesOf(script)) {
          expect(line).toBeGreaterThanOrEqual(before);
          expect(
            script
              .split("\n")
              .slice(line - 1)
              .join("\n"),
          ).toContain(text);
          before = line;
        }
      }),
    );
  });
});

describe("values of --param", () => {
  const filled = (given: readonly string[], sql: string) => SqlValues.read(given).fill(sql);

  test("stand where the name stands, and not in strings, names and comments", () => {
    const sql = "SELECT $a, '$a', \"$a\", $ab, $$ $a $$ -- $a";
    expect(filled(["a=it's"], sql)).toBe("SELECT 'it''s', '$a', \"$a\", $ab, $$ $a $$ -- $a");
    expect(filled(["1=x", '$b=[1,"y",[true,null]]'], "SELECT $1||$b")).toBe("SELECT 'x'||[1, 'y', [true, NULL]]");
  });

  test("are strings, unless they begin as JSON; nothing else is guessed", () => {
    expect(filled(["a=007"], "$a")).toBe("'007'");
    expect(filled(["a="], "$a")).toBe("''");
    expect(filled(["a=x=y"], "$a")).toBe("'x=y'");
    expect(filled(['a="[x"'], "$a")).toBe("'[x'");
    expect(filled(["a=[9007199254740993]"], "$a")).toBe("[9007199254740993]");
    for (const wrong of ["a", "=x", "a b=x", "a=[1", 'a="x', 'a=[{"b":1}]'])
      expect(() => SqlValues.read([wrong])).toThrow("--param");
    expect(() => SqlValues.read(["a=1", "a=2"])).toThrow("given twice");
  });

  test("that no statement has are known", () => {
    const values = SqlValues.read(["a=1", "b=2"]);
    values.fill("SELECT $a");
    expect(values.unused).toEqual(["b"]);
  });
});
