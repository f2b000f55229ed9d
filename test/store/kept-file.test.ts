import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  keepJson,
  keepText,
  keptLine,
  mendKeptJson,
  readKeptJson,
  readKeptLines,
  readKeptText,
} from "../../src/store/folder/kept-file.ts";

const value = { id: "a", events: 3, by: null, name: "na\u00efve\u2028" };

function inFolder(check: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
  try {
    check(join(folder, "file"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every byte of a file, changed in three ways, one at a time. */
function eachChange(path: string, check: (at: number) => void): void {
  const bytes = readFileSync(path);
  for (const [at, before] of bytes.entries())
    for (const flips of [1, 0x20, 0xff]) {
      bytes[at] = before ^ flips;
      writeFileSync(path, bytes);
      check(at);
      bytes[at] = before;
    }
  writeFileSync(path, bytes);
}

describe("a file of one object", () => {
  test("comes back as it was, stays JSON, and is damaged whatever byte of it changes", () => {
    inFolder((path) => {
      keepJson(path, value);
      expect(readKeptJson(path)).toEqual({ kind: "sound", value, hasChecksum: true });
      expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject(value);
      eachChange(path, () => expect(readKeptJson(path).kind).toBe("damaged"));
    });
  });

  test("without a checksum is read, as the release before wrote it; what is no object is damaged", () => {
    inFolder((path) => {
      expect(readKeptJson(path)).toEqual({ kind: "missing" });
      for (const text of [JSON.stringify(value), `${JSON.stringify(value, null, 2)}\n`]) {
        writeFileSync(path, text);
        expect(readKeptJson(path)).toEqual({ kind: "sound", value, hasChecksum: false });
      }
      for (const text of ["", "null", "[1]", "7", "{", "\0\0\0"]) {
        writeFileSync(path, text);
        expect(readKeptJson(path).kind).toBe("damaged");
      }
    });
  });

  test("in which one byte is wrong is mended by its checksum", () => {
    inFolder((path) => {
      keepJson(path, { format: 2, by: "0.1.0" });
      const bytes = readFileSync(path);
      for (const at of [0, 5, 16, bytes.length - 5, bytes.length - 1]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = 0x7f;
        writeFileSync(path, damaged);
        expect(mendKeptJson(path)).toEqual({ format: 2, by: "0.1.0" });
      }
    });
  });
});

describe("a file of lines", () => {
  const lines = [{ n: 1 }, { n: 2 }, { n: 3 }];

  test("loses at most the line whose byte changed, and names it", () => {
    inFolder((path) => {
      writeFileSync(path, lines.map(keptLine).join(""));
      expect(readKeptLines(path)).toEqual({ values: lines, damaged: [], wholeBytes: undefined });
      const lengths = lines.map((line) => keptLine(line).length);
      eachChange(path, (at) => {
        const { values, damaged } = readKeptLines(path);
        const touched = at < (lengths[0] ?? 0) ? 0 : at < (lengths[0] ?? 0) + (lengths[1] ?? 0) ? 1 : 2;
        const others = lines.filter((_, index) => index !== touched);
        expect(values).toEqual(expect.arrayContaining(others));
        expect(values.every((each) => lines.some(({ n }) => n === each["n"]))).toBe(true);
        expect(damaged.length).toBeGreaterThan(0);
      });
    });
  });

  test("may end in a line that a crash cut: it is not damage, and says where it begins", () => {
    inFolder((path) => {
      const whole = lines.map(keptLine).join("");
      for (let cut = 1; cut < keptLine({ n: 4 }).length - 1; cut++) {
        writeFileSync(path, whole + keptLine({ n: 4 }).slice(0, cut));
        expect(readKeptLines(path)).toEqual({ values: lines, damaged: [], wholeBytes: whole.length });
      }
      writeFileSync(path, whole);
      appendFileSync(path, '{"n":5}\n');
      expect(readKeptLines(path).values).toEqual([...lines, { n: 5 }]);
    });
  });
});

describe("a file of one text", () => {
  test("gives its first line to whoever reads it, and is damaged whatever byte of it changes", () => {
    inFolder((path) => {
      keepText(path, "http://127.0.0.1:3000");
      expect(readKeptText(path)).toEqual({ kind: "sound", value: "http://127.0.0.1:3000", hasChecksum: true });
      expect(readFileSync(path, "utf8").split("\n")[0]).toBe("http://127.0.0.1:3000");
      eachChange(path, () => expect(readKeptText(path).kind).toBe("damaged"));
      writeFileSync(path, "http://127.0.0.1:3000");
      expect(readKeptText(path)).toEqual({ kind: "sound", value: "http://127.0.0.1:3000", hasChecksum: false });
    });
  });
});
