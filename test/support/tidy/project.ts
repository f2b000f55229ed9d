/**
 * The source as the tidy rules see it: texts by path, and what refers to what. Made from the disk, or from a sample.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import ts from "typescript";

/** One TypeScript file. Paths are relative to the project, with forward slashes. */
export interface Module {
  readonly path: string;
  readonly text: string;
  readonly source: ts.SourceFile;
  /** Files of the project that it imports, type-only imports too. */
  readonly imports: readonly string[];
  /** Packages that it imports, by the name that a package.json lists. What Bun and Node bring is not among them. */
  readonly packages: readonly string[];
  /** Files of the project that it starts as a worker or a process: `new URL("./x.ts", import.meta.url)`. */
  readonly starts: readonly string[];
}

/** All that the rules look at. */
export interface Project {
  /** TypeScript of src, bench and test, by path. */
  readonly modules: ReadonlyMap<string, Module>;
  /** Markdown of the whole project, by path. */
  readonly pages: ReadonlyMap<string, string>;
  /** Every file and every folder of the project. */
  readonly paths: ReadonlySet<string>;
  /** What runs or is imported from outside: the files of src and bench that package.json names. */
  readonly entries: readonly string[];
  /** What each package.json lists, by its path. */
  readonly manifests: ReadonlyMap<string, Manifest>;
}

/** The packages of one package.json, by name. */
export interface Manifest {
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

/** Neither source nor anything that a README links to. */
const foldersLeftOut = new Set(["node_modules", ".git", "data", "results"]);

/** Reads the project in a folder. */
export function readProject(root: string): Project {
  const files: Record<string, string> = {};
  for (const path of listFiles(root, root)) {
    files[path] = /\.(tsx?|mjs|md)$|(^|\/)package\.json$/.test(path) ? readFileSync(join(root, path), "utf8") : "";
  }
  return projectOf(files);
}

/** Makes a project of texts by path; what is neither TypeScript, Markdown nor package.json only exists. */
export function projectOf(files: Readonly<Record<string, string>>): Project {
  const paths = new Set<string>();
  const modules = new Map<string, Module>();
  const pages = new Map<string, string>();
  const manifests = new Map<string, Manifest>();
  for (const [path, text] of Object.entries(files)) {
    for (let at = path; at !== "."; at = dirname(at)) paths.add(at);
    if (/^((src|bench|test)\/.*\.tsx?|test\/.*\.mjs)$/.test(path)) modules.set(path, readModule(path, text));
    if (path.endsWith(".md")) pages.set(path, text);
    if (/(^|\/)package\.json$/.test(path)) manifests.set(path, readManifest(text));
  }
  const named = (files["package.json"] ?? "").match(/\b(src|bench)\/[\w./-]+\.ts\b/g) ?? [];
  return { modules, pages, paths, entries: [...new Set(named)], manifests };
}

/** The file that `specifier` means when it stands in `path`; undefined for a package. */
export function resolveSpecifier(path: string, specifier: string): string | undefined {
  return /^\.\.?\//.test(specifier) ? posix.join(dirname(path), specifier) : undefined;
}

/** Calls `visit` for a node and everything within it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** `path:line`, which editors open. */
export function placeOf(module: Module, node: ts.Node): string {
  const { line } = module.source.getLineAndCharacterOfPosition(node.getStart(module.source));
  return `${module.path}:${line + 1}`;
}

function* listFiles(root: string, folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield relative(root, path).replaceAll("\\", "/");
    else if (entry.isDirectory() && !foldersLeftOut.has(entry.name)) yield* listFiles(root, path);
  }
}

function readModule(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  // Bun.Transpiler.scanImports would leave out type-only imports.
  const imported = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const started: string[] = [];
  walk(source, (node) => {
    if (!ts.isNewExpression(node) || node.expression.getText(source) !== "URL") return;
    const [target, base] = node.arguments ?? [];
    if (target === undefined || !ts.isStringLiteralLike(target)) return;
    if (base?.getText(source) === "import.meta.url") started.push(target.text);
  });
  const resolve = (specifiers: string[]) =>
    specifiers.map((specifier) => resolveSpecifier(path, specifier)).filter((target) => target !== undefined);
  const packages = [...new Set(imported.map(packageOf).filter((name) => name !== undefined))];
  return { path, text, source, imports: [...new Set(resolve(imported))], packages, starts: resolve(started) };
}

/** The package that a specifier means: `@scope/name` of `@scope/name/part.js`. */
function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:|bun:|bun$)/.test(specifier)) return undefined;
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
}

function readManifest(text: string): Manifest {
  const { dependencies = {}, devDependencies = {} }: Partial<Record<keyof Manifest, object>> = JSON.parse(text);
  return { dependencies: Object.keys(dependencies), devDependencies: Object.keys(devDependencies) };
}
