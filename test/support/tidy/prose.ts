/** Rules about pages, sizes and words. Each answers with its complaints, one a line; none if the project keeps it. */
import { dirname } from "node:path";
import { type Project, resolveSpecifier } from "./project.ts";

/** A file that grows past it is often two. Lines. */
const linesMax = 300;

/** Every folder of src that holds code explains itself. */
export function foldersWithoutReadme({ modules, pages }: Project): string[] {
  const folders = new Set([...modules.keys()].filter((path) => path.startsWith("src/")).map(dirname));
  return [...folders].filter((folder) => !pages.has(`${folder}/README.md`));
}

/** Every relative link in a README leads to a file or a folder. */
export function brokenLinks({ pages, paths }: Project): string[] {
  const complaints: string[] = [];
  for (const [path, text] of pages) {
    if (!/(^|\/)README\.md$/.test(path)) continue;
    for (const link of linksIn(text)) {
      const [target = ""] = link.split("#");
      if (/^[a-z][a-z+.-]*:/i.test(link) || target === "") continue;
      const resolved = resolveSpecifier(path, target.startsWith(".") ? target : `./${target}`) ?? target;
      const found = paths.has(decodeURI(resolved).replace(/\/$/, "")) || resolved === "./" || resolved === ".";
      if (!found) complaints.push(`${path}: ${link}`);
    }
  }
  return complaints;
}

/** No file of src is longer than `linesMax`. */
export function filesTooLong({ modules }: Project): string[] {
  return [...modules.values()]
    .filter(({ path }) => path.startsWith("src/"))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > linesMax)
    .map(({ path, lines }) => `${path}: ${lines} lines`);
}

/** No path of one machine, and nothing left for later. */
export function wordsOutOfPlace({ modules, pages }: Project): string[] {
  const complaints: string[] = [];
  const texts = [...[...modules.values()].map(({ path, text }) => ({ path, text }))];
  for (const [path, text] of pages) texts.push({ path, text });
  for (const { path, text } of texts) {
    // Written so that this file does not find itself.
    const forbidden = /\bTO(?:DO)\b|\bFIX(?:ME)\b|(?<![\w.])\/work(?:\/)/g;
    const patterns = path.startsWith("src/") ? [forbidden, /(?<![\w.}])\/tmp(?:\/)/g] : [forbidden];
    for (const [index, line] of text.split("\n").entries()) {
      const words = patterns.flatMap((pattern) => line.match(pattern) ?? []);
      complaints.push(...words.map((word) => `${path}:${index + 1} ${word}`));
    }
  }
  return complaints;
}

/** Targets of links and pictures, inline or by reference or in HTML, outside of code. */
function linksIn(markdown: string): string[] {
  const prose = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "code");
  const inline = prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g);
  const references = prose.matchAll(/^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm);
  const html = prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g);
  return [...inline, ...references, ...html].map((match) => match[1] ?? "");
}
