/** CSV is read as RFC 4180 has it, and what is not so is told with its row. */
import { expect, test } from "bun:test";
import { checked, place, rowsOf, valuesOf } from "./files.ts";

const problemsIn = async (path: string) =>
  (await rowsOf(path)).filter((row) => !row.ok).map((row) => (row.ok ? "" : `${row.row}/${row.line}: ${row.problem}`));

test("quotes, doubled quotes, delimiters and newlines within cells, CRLF, a byte order mark, no newline at the end", async () => {
  using files = place();
  const path = files.file("a.csv", '\ufeffevent_name,page_url\r\n"a ""b"", c",x\r\n"two\nlines","\r\n"\r\nlast,z');
  expect(await valuesOf(path)).toEqual([
    { event_name: 'a "b", c', page_url: "x" },
    { event_name: "two\nlines", page_url: "\r\n" },
    { event_name: "last", page_url: "z" },
  ]);
});

test("a cell with nothing in it is absent, a quoted one is the empty string where the column is a string", async () => {
  using files = place();
  const path = files.file("a.csv", 'event_name,session_id,category,timestamp\nx,,,\ny,"","",""\n');
  expect(await valuesOf(path)).toEqual([{ event_name: "x" }, { event_name: "y", session_id: "" }]);
  expect(await checked([path])).toEqual({ rows: 2, bad: 0 });
});

test.each([",", ";", "\t", "|"])("the delimiter %j is recognised by the header", async (delimiter) => {
  using files = place();
  const path = files.file("a.csv", `category${delimiter}"event_name"\nauth${delimiter}"a,b;c|d"\n`);
  expect(await valuesOf(path)).toEqual([{ category: "auth", event_name: "a,b;c|d" }]);
});

test("a row that begins with # is a row, and blank lines are none", async () => {
  using files = place();
  expect(await valuesOf(files.file("a.csv", "event_name\n#one\n\n\r\ntwo\n\n"))).toEqual([
    { event_name: "#one" },
    { event_name: "two" },
  ]);
});

test("short and long rows, stray quotes and bytes that are no UTF-8 are told with row and line", async () => {
  using files = place();
  const bytes = Buffer.concat([
    Buffer.from(
      'event_name,category,priority\n"a\nb",auth,low\nshort,auth,\nx\nx,auth,low,more\nx,5" pipe,low\n"a"b,auth,low\nx,',
    ),
    Buffer.from([0xe9]),
    Buffer.from(",low\nfine,auth,low\n"),
  ]);
  expect(await problemsIn(files.file("a.csv", bytes))).toEqual([
    "3/5: has 1 cell, the header has 3",
    "4/6: has 4 cells, the header has 3",
    "5/7: cell 2 has a quote and does not begin with one: put it in quotes and double it",
    "6/8: cell 1 goes on after its closing quote: a quote within quotes is doubled",
    "7/9: cell 2 is not UTF-8",
  ]);
});

test.each([
  ["", "a.csv: is empty; a CSV file begins with a header"],
  ["name,category\nx,auth\n", 'a.csv: the header has no column event_name; it has "name", "category"'],
  ["event_name,category,category\n", 'a.csv: the header has the column "category" twice'],
  ['event_name\nfine\n"open\nx\n', "a.csv: the row that begins in line 3 has a quoted cell that is never closed"],
])("%j is refused whole, with the reason", async (text, message) => {
  using files = place();
  expect(await checked([files.file("a.csv", text)], { skipBadTo: `${files.path}/bad` })).toBe(message);
});

test("records are found wherever the chunks of the file end, and a long cell is read in one pass", async () => {
  using files = place();
  const long = `${'"" '.repeat(300_000)}\n`;
  const rows = Array.from({ length: 20_000 }, (_, index) => `"name ${index}","${"é".repeat(index % 40)}"`);
  const path = files.file("a.csv", `event_name,page_url\nlong,"${long}"\n${rows.join("\n")}`);
  const values = await valuesOf(path);
  expect(values).toHaveLength(20_001);
  expect(values[0]).toEqual({ event_name: "long", page_url: long.replaceAll('""', '"') });
  expect(values[12_345]).toEqual({ event_name: "name 12344", page_url: "é".repeat(12_344 % 40) });
});
