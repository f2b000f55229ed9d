/** The rule of who lists which package. It answers with its complaints, one a line; none if the project keeps it. */
import type { Project } from "./project.ts";

/** Which lists an area may import from. `run start` installs the first one alone. */
const listsOf: Readonly<Record<string, readonly string[]>> = {
  src: ["dependencies"],
  bench: ["dependencies", "bench"],
  test: ["dependencies", "bench", "test", "devDependencies"],
};

/**
 * A start installs what the service needs and nothing else: what src imports is in the root's `dependencies`, and
 * nothing that only bench and test import is there. They list what they alone use in a package.json of their own.
 */
export function packagesOutOfPlace({ modules, manifests }: Project): string[] {
  const root = manifests.get("package.json");
  const lists: Readonly<Record<string, readonly string[]>> = {
    dependencies: root?.dependencies ?? [],
    devDependencies: root?.devDependencies ?? [],
    bench: manifests.get("bench/package.json")?.dependencies ?? [],
    test: manifests.get("test/package.json")?.dependencies ?? [],
  };
  const complaints: string[] = [];
  const usersOf = new Map<string, Set<string>>();
  for (const { path, packages } of modules.values()) {
    const [area = ""] = path.split("/");
    for (const name of packages) {
      usersOf.set(name, (usersOf.get(name) ?? new Set()).add(area));
      const allowed = listsOf[area] ?? [];
      if (!allowed.some((list) => lists[list]?.includes(name))) {
        complaints.push(`${path} imports ${name}, which is not in ${allowed.join(" or ")}`);
      }
    }
  }
  for (const [name, users] of usersOf) {
    if (lists["dependencies"]?.includes(name) && !users.has("src")) {
      complaints.push(`package.json: ${name} is installed at each start, and src does not import it`);
    }
  }
  for (const area of ["bench", "test"]) {
    const unused = lists[area]?.filter((name) => !usersOf.has(name)) ?? [];
    complaints.push(
      ...unused.filter((name) => !isUsedByName(name)).map((name) => `${area}/package.json: ${name} is unused`),
    );
  }
  return complaints;
}

/** Used without an import: a command, what a program that a test writes imports, and what a page loads. */
const isUsedByName = (name: string): boolean => ["openapi-typescript", "openapi-fetch", "axe-core"].includes(name);
