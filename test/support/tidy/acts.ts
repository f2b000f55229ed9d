/** Rules about what acts on the world, and where it may: files that are written, and constructors. */
import ts from "typescript";
import { type Module, type Project, placeOf, walk } from "./project.ts";

/** Who opens a file for writing or syncs one beside `base/durable.ts`, and why it may. */
const writers: Readonly<Record<string, string>> = {
  "src/base/durable.ts": "the home of all durable writes",
  "src/base/descriptors.ts": "opens with the flags that it is given",
  "src/base/limited-process.ts": "a setting of the kernel",
  "src/journal/disk-steps.ts": "the journal keeps its file open: the hot path",
  "src/query/fifo.ts": "a named pipe",
  "src/store/catalog/folder-view.ts": "a copy in scratch/, for one query",
  "src/store/folder/layout.ts": "a probe whether the folder can be written to",
  "src/store/segment/refused-lines.ts": "lines for one look of DuckDB",
  "src/upkeep/eraser.ts": "ids of an erasure that is found again after a crash",
  "src/import/check.ts": "the user's file of bad rows",
  "src/import/piece.ts": "a piece of an import, which a crash undoes",
  "src/import/spool.ts": "standard input, for one command",
  "src/client/outbox.ts": "the client's outbox: a package of its own, whose events are on another machine",
  "src/cli/sql-prompt.ts": "the user's history",
  "src/cli/sql-run.ts": "the user's output",
};

const syncing = /^f(?:data)?sync(?:Sync)?$/;
const writing = /^(?:writeFile|appendFile)(?:Sync)?$|^createWriteStream$/;
const opening = /^open(?:Sync|Kept)$/;

/** Durable writes have one home: nobody else syncs a file, or opens one for writing. */
export function writesElsewhere({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    if (!module.path.startsWith("src/") || module.path in writers) continue;
    walk(module.source, (node) => {
      if (!ts.isCallExpression(node)) return;
      const name = calledName(node);
      const isWrite = syncing.test(name) || writing.test(name) || (opening.test(name) && !opensForReading(node));
      if (isWrite) complaints.push(`${placeOf(module, node)} ${name}`);
    });
  }
  return complaints;
}

function opensForReading({ arguments: [, flags] }: ts.CallExpression): boolean {
  if (flags === undefined) return true;
  if (ts.isStringLiteralLike(flags)) return flags.text === "r";
  const text = flags.getText();
  return text.includes("O_RDONLY") && !/O_(?:WRONLY|RDWR|CREAT|APPEND|TRUNC)/.test(text);
}

/** What opens a file, or starts a timer, a thread, a process or a server. */
const acts =
  /^(?:setInterval|setTimeout|setImmediate|spawn|spawnSync|serve|listen|openSync|openKept|mkdirSync|mkdtempSync|writeFileSync|statfsSync|Piscina|Worker|Database)$/;

/** No constructor acts, and no initializer of a field: what fails in one has no owner who could end what it began. */
export function constructorsThatAct({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    if (!module.path.startsWith("src/")) continue;
    walk(module.source, (node) => {
      if (ts.isConstructorDeclaration(node) && node.body !== undefined) complaints.push(...actsIn(module, node.body));
      const isField = ts.isPropertyDeclaration(node) && node.initializer !== undefined;
      if (isField && node.initializer !== undefined) complaints.push(...actsIn(module, node.initializer));
    });
  }
  return complaints;
}

/** Acts that are carried out there, and not later by a function that is made there. */
function actsIn(module: Module, root: ts.Node): string[] {
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && acts.test(calledName(node)))
      found.push(`${placeOf(module, node)} ${calledName(node)}`);
    ts.forEachChild(node, look);
  };
  look(root);
  return found;
}

function calledName({ expression }: ts.CallExpression | ts.NewExpression): string {
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
}
