/**
 * Rules about the words of comments and pages. Each answers with its complaints, one a line; none if the project keeps
 * it.
 */
import ts from "typescript";
import type { Project } from "./project.ts";

/** What a reader takes in at one glance. Characters. */
const lineCharsMax = 120;

/** A line of prose, and where it stands. */
interface Line {
  readonly place: string;
  readonly text: string;
}

/** Lines of comments and of pages that are too long to be read at a glance. Tables and code of a page are not prose. */
export function proseLinesTooLong(project: Project): string[] {
  return proseOf(project)
    .filter(({ text }) => text.length > lineCharsMax)
    .map(({ place, text }) => `${place}: ${text.length} characters`);
}

/** Words that the glossary replaces: what stands here, and what to write. */
const replaced: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/i, "again"],
  [/\bfrom elsewhere\b/i, "imported"],
  [/\b(?:set|kept|sets|keeps|setting|keeping) aside\b/i, "quarantine, or: refused lines"],
  [/\bwhole merges?\b/i, "full merge"],
  [/(?<!\bthere )\b(?:is|was) no (?!longer|more\b|room\b|need\b)[a-z]+/i, "is not a"],
  [/\bso many\b|\bso much\b(?! (?:as|that|for))/i, "this many, this much"],
  [/\bpass(?:es|ed)? by\b/i, "skip"],
];

/** Words of comments and pages for which the glossary has another. */
export function wordsReplaced(project: Project): string[] {
  return proseOf(project).flatMap(({ place, text }) =>
    replaced
      .map(([pattern, better]) => ({ word: pattern.exec(text)?.[0], better }))
      .filter(({ word }) => word !== undefined)
      .map(({ word, better }) => `${place}: "${word}"; write: ${better}`),
  );
}

function* commentLines(source: ts.SourceFile): Generator<{ line: number; text: string }> {
  const text = source.text;
  const lines = text.split("\n");
  const seen = new Set<number>();
  // Only the parser tells a comment from the content of a template, so comments are what stands before a token of the
  // tree.
  const visit = function* (node: ts.Node): Generator<{ line: number; text: string }> {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.pos) ?? []) {
      const first = source.getLineAndCharacterOfPosition(pos).line;
      const last = source.getLineAndCharacterOfPosition(end).line;
      for (let line = first; line <= last; line++) {
        if (seen.has(line)) continue;
        seen.add(line);
        yield { line: line + 1, text: lines[line] ?? "" };
      }
    }
    for (const child of node.getChildren(source)) yield* visit(child);
  };
  yield* visit(source);
}

function proseOf({ modules, pages }: Project): Line[] {
  const prose: Line[] = [];
  for (const { path, source } of modules.values())
    for (const { line, text } of commentLines(source)) prose.push({ place: `${path}:${line}`, text });
  for (const [path, page] of pages) {
    let isCode = false;
    for (const [index, text] of page.split("\n").entries()) {
      if (/^(```|~~~)/.test(text)) isCode = !isCode;
      else if (!isCode && !/^(\|| {4}|\t)/.test(text)) prose.push({ place: `${path}:${index + 1}`, text });
    }
  }
  return prose;
}
