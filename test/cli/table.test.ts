import { expect, test } from "bun:test";
import { tableText } from "../../src/cli/table.ts";

const shown = (names: readonly string[], rows: readonly (readonly (string | number | null)[])[], width = 80) =>
  tableText(
    {
      names,
      numbers: names.map((_, column) => rows.some((row) => typeof row[column] === "number")),
      rows: rows.map((row) => row.map((cell) => (cell === null ? null : String(cell)))),
      isCut: false,
    },
    width,
  ).split("\n");

test("numbers stand right, texts left, and NULL is told from an empty text", () => {
  expect(
    shown(
      ["name", "n"],
      [
        ["a", 1],
        ["", 100],
        [null, null],
      ],
    ),
  ).toEqual([
    "┌──────┬──────┐",
    "│ name │    n │",
    "├──────┼──────┤",
    "│ a    │    1 │",
    "│      │  100 │",
    "│ NULL │ NULL │",
    "└──────┴──────┘",
    "3 rows",
    "",
  ]);
});

test("a wide column is cut to the terminal, wide characters counted as they are shown", () => {
  const lines = shown(["short", "long"], [["a", "日本語".repeat(50)]], 40);
  for (const line of lines.slice(0, -2)) expect(Bun.stringWidth(line)).toBe(40);
  expect(lines[3]).toContain("…");
});

test("rows that no table fits are shown a value a line, uncut", () => {
  const names = Array.from({ length: 10 }, (_, at) => `column number ${at}`);
  const lines = shown(names, [names.map((name) => `value of ${name}`)], 60);
  expect(lines[0]).toBe("── row 1");
  expect(lines[10]).toBe("column number 9 │ value of column number 9");
});

test("line ends and what would command a terminal are shown as text", () => {
  const text = shown(["a\nb"], [["x\ny\u001b[2J\u007f"]]).join("");
  expect(text).not.toMatch(/[\u0000-\u001f\u007f]/);
  expect(text).toContain("x\\ny\\u001b[2J");
});

test("rows that were left out are told of", () => {
  expect(tableText({ names: ["a"], numbers: [true], rows: [["1"]], isCut: true }, 80)).toContain("first 1 rows");
});
