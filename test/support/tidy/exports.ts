/** Rules about what files offer. Each answers with its complaints, one a line; none if the project keeps it. */
import ts from "typescript";
import { filesUsedFromOutside } from "./imports.ts";
import { type Module, type Project, placeOf, resolveSpecifier, walk } from "./project.ts";

/** Every export says what it means; so does every public method of an exported class, here or in its interface. */
export function exportsWithoutDocstring({ modules }: Project): string[] {
  const promised = documentedMembers(modules.values());
  const complaints: string[] = [];
  for (const module of modules.values()) {
    for (const [name, declarations] of exportsOf(module)) {
      const [first] = declarations;
      if (first === undefined) continue;
      if (!declarations.some(hasDocstring)) complaints.push(`${placeOf(module, first)} ${name}`);
      const methods = declarations
        .filter(ts.isClassDeclaration)
        .flatMap((owner) => undocumentedMethods(owner, promised));
      complaints.push(...methods.map((method) => `${placeOf(module, method)} ${name}.${method.name.getText()}`));
    }
  }
  return complaints;
}

/** What src exports is imported by somebody, in src, bench or test; else it is private. */
export function exportsNobodyImports(project: Project): string[] {
  const used = new Map<string, Set<string>>();
  for (const module of project.modules.values()) {
    for (const [path, names] of importedNames(module)) used.set(path, (used.get(path) ?? new Set()).union(names));
  }
  const fromOutside = filesUsedFromOutside(project);
  const complaints: string[] = [];
  for (const module of project.modules.values()) {
    if (!module.path.startsWith("src/") || fromOutside.has(module.path)) continue;
    const names = used.get(module.path) ?? new Set();
    if (names.has("*")) continue;
    const unused = [...exportsOf(module).keys()].filter((name) => !names.has(name));
    complaints.push(...unused.map((name) => `${module.path} ${name}`));
  }
  return complaints;
}

/** A thing has one name, and one file that it comes from: no default exports, no file that passes on another's. */
export function exportsWithoutName({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    for (const statement of module.source.statements) {
      const place = placeOf(module, statement);
      if (hasModifier(statement, ts.SyntaxKind.DefaultKeyword)) complaints.push(`${place} default export`);
      if (ts.isExportAssignment(statement)) complaints.push(`${place} default export`);
      if (!ts.isExportDeclaration(statement)) continue;
      if (statement.exportClause === undefined) complaints.push(`${place} export of all of another file`);
      const names = elementsOf(statement).map(({ name }) => name.text);
      if (names.includes("default")) complaints.push(`${place} default export`);
    }
  }
  return complaints;
}

/** Exported names with what declares them: several for overloads, none for what comes from another file. */
function exportsOf({ source }: Module): Map<string, ts.Node[]> {
  const declared = new Map<string, ts.Node[]>();
  const exported = new Map<string, ts.Node[]>();
  for (const statement of source.statements) {
    for (const name of declaredNames(statement)) {
      declared.set(name, [...(declared.get(name) ?? []), statement]);
      if (hasModifier(statement, ts.SyntaxKind.ExportKeyword)) exported.set(name, declared.get(name) ?? []);
    }
  }
  for (const statement of source.statements.filter(ts.isExportDeclaration)) {
    for (const { name, propertyName } of elementsOf(statement)) {
      const here = statement.moduleSpecifier === undefined;
      exported.set(name.text, here ? (declared.get((propertyName ?? name).text) ?? []) : []);
    }
  }
  return exported;
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  }
  const named =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return named && statement.name !== undefined ? [statement.name.text] : [];
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}

/** What a file takes from which file; `*` for all of it. */
function importedNames(module: Module): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  const add = (specifier: ts.Node | undefined, taken: readonly string[]): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const path = resolveSpecifier(module.path, specifier.text);
    if (path !== undefined) names.set(path, (names.get(path) ?? new Set()).union(new Set(taken)));
  };
  walk(module.source, (node) => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      if (bindings === undefined) return;
      const elements = ts.isNamedImports(bindings) ? bindings.elements : undefined;
      add(node.moduleSpecifier, elements?.map(({ name, propertyName }) => (propertyName ?? name).text) ?? ["*"]);
    } else if (ts.isExportDeclaration(node)) {
      const elements = elementsOf(node).map(({ name, propertyName }) => (propertyName ?? name).text);
      add(node.moduleSpecifier, node.exportClause === undefined ? ["*"] : elements);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, [node.qualifier?.getText().split(".")[0] ?? "*"]);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], ["*"]);
    }
  });
  return names;
}

function elementsOf({ exportClause }: ts.ExportDeclaration): readonly ts.ExportSpecifier[] {
  return exportClause !== undefined && ts.isNamedExports(exportClause) ? exportClause.elements : [];
}

/** Methods alone: what a getter answers is often said by its name, and a docstring must not repeat that. */
function undocumentedMethods(
  owner: ts.ClassDeclaration,
  promised: ReadonlyMap<string, Set<string>>,
): ts.MethodDeclaration[] {
  const promises = (owner.heritageClauses ?? [])
    .flatMap(({ types }) => types)
    .flatMap(({ expression }) => [...(promised.get(expression.getText()) ?? [])]);
  const documented = new Set([...promises, ...owner.members.filter(hasDocstring).map(({ name }) => name?.getText())]);
  return owner.members.filter(ts.isMethodDeclaration).filter((method) => {
    // A name like [Symbol.asyncDispose] has one meaning everywhere.
    const apart = ts.isPrivateIdentifier(method.name) || ts.isComputedPropertyName(method.name);
    const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword, ts.SyntaxKind.OverrideKeyword];
    return !(apart || hidden.some((kind) => hasModifier(method, kind)) || documented.has(method.name.getText()));
  });
}

/** Members with a docstring, by the name of their interface or class. */
function documentedMembers(modules: Iterable<Module>): Map<string, Set<string>> {
  const members = new Map<string, Set<string>>();
  for (const { source } of modules) {
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) && !ts.isClassDeclaration(statement)) continue;
      const named = [...statement.members].filter(hasDocstring).map((member) => member.name?.getText() ?? "");
      const name = statement.name?.text ?? "";
      members.set(name, (members.get(name) ?? new Set()).union(new Set(named)));
    }
  }
  return members;
}

function hasDocstring(node: ts.Node): boolean {
  const docstrings = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return docstrings.some(({ comment, tags }) => ts.getTextOfJSDocComment(comment)?.trim() || tags !== undefined);
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}
