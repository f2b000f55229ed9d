/** Cuts a script into statements and dot commands. */
import { wordsOf } from "../query/sql-text.ts";

/** A statement without its semicolon, or a command with its dot; `line` is where it begins, from 1. */
export type Piece = { kind: "statement" | "command"; text: string; line: number };

/** A command begins a line with a dot and a letter; no SQL statement does. */
const command = /^[ \t]*\.[A-Za-z]/;

/**
 * The pieces of a script, in order. A command stands on a line of its own, between statements; the last statement may
 * lack its semicolon.
 */
export function* piecesOf(script: string): Generator<Piece> {
  let line = 1;
  let rest = script;
  while (rest !== "") {
    const end = pieceEnd(rest);
    const piece = rest.slice(0, end.at);
    const text = piece.slice(end.start).trim();
    if (text !== "") yield { kind: end.kind, text, line: line + linesIn(piece.slice(0, end.start)) };
    line += linesIn(rest.slice(0, end.next));
    rest = rest.slice(end.next);
  }
}

/** Where the first piece of a text starts and ends, and where the next one begins. */
type PieceEnd = { kind: Piece["kind"]; start: number; at: number; next: number };

function pieceEnd(text: string): PieceEnd {
  let start: number | undefined;
  for (const { 0: word, index } of wordsOf(text)) {
    if (start === undefined) {
      if (/^(?:\s|--|\/\*)/.test(word)) continue;
      start = index;
      const lineStart = text.lastIndexOf("\n", index) + 1;
      const lineEnd = text.indexOf("\n", index);
      const at = lineEnd === -1 ? text.length : lineEnd;
      if (command.test(text.slice(lineStart, at))) return { kind: "command", start, at, next: at };
    }
    if (word === ";") return { kind: "statement", start, at: index, next: index + 1 };
  }
  return { kind: "statement", start: start ?? text.length, at: text.length, next: text.length };
}

const linesIn = (text: string) => text.split("\n").length - 1;
