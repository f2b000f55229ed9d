/** Properties have one home, which fixes their draws. */
import ts from "typescript";
import { type Project, placeOf, walk } from "./project.ts";

/** The one file that imports fast-check. */
const home = "test/support/property.ts";

/** What only that file sets: a test that sets it draws as before in a hunt, or by chance in CI. */
const parameters = /^(seed|numRuns|interruptAfterTimeLimit|path)$/;

/** Nobody else imports fast-check, and nobody else says which values a property draws, or how many. */
export function drawsElsewhere({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    if (module.path === home) continue;
    if (module.packages.includes("fast-check")) complaints.push(`${module.path} imports fast-check; import ${home}`);
    if (!module.imports.includes(home)) continue;
    walk(module.source, (node) => {
      if (!ts.isCallExpression(node) || !/\bassert$/.test(node.expression.getText(module.source))) return;
      const [, given] = node.arguments;
      if (given === undefined || !ts.isObjectLiteralExpression(given)) return;
      for (const { name } of given.properties) {
        const text = name?.getText(module.source) ?? "";
        if (name !== undefined && parameters.test(text))
          complaints.push(`${placeOf(module, name)} ${text}; call draws()`);
      }
    });
  }
  return complaints;
}
