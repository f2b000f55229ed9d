/** Rules about who may know whom. Each answers with its complaints, one a line; none if the project keeps it. */
import type { Module, Project } from "./project.ts";

/** From the bottom up: who stands later may import who stands earlier, and never the other way round. */
const order = [
  "base",
  "config",
  "event",
  "journal",
  "store",
  "refused",
  "schema",
  "actor",
  "keeper",
  "shard",
  "stats",
  "query",
  "tail",
  "alerts",
  "upkeep",
  "import",
  "adapter",
  "http",
  "doctor",
  "client",
  "page",
  "service",
  "offline",
  "cli",
];

/** What is under these rules; a file beside them, package.json say, may be read by all. */
const areas = ["src", "bench", "test"];

/**
 * Rooms of a folder, from the bottom up, where it has any. A file that stands in the folder itself, beside the rooms,
 * is below them or above them: `importCycles` judges that.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  event: ["parse", "line", "transcribe"],
  store: ["folder", "sql", "segment", "catalog", "ids"],
  shard: ["ids", "lanes", "worker", "parser"],
  page: ["state", "service", "parts", "editor", "builders", "views"],
  http: ["token", "edge", "connections", "endpoints", "listen"],
};

/**
 * A folder of src imports only folders above it in the tree, and a room only rooms above it; src knows nothing of bench
 * and test, bench nothing of test.
 */
export function importsOutOfOrder({ modules }: Project): string[] {
  const complaints: string[] = [];
  for (const module of modules.values()) {
    const from = partOf(module.path);
    if (from.area === "src" && !order.includes(from.folder)) {
      complaints.push(`${module.path}: src/${from.folder} has no place in the order of folders`);
    }
    for (const target of module.imports) {
      const complaint = complaintAboutImport(from, partOf(target));
      if (complaint !== undefined) complaints.push(`${module.path} imports ${target}: ${complaint}`);
    }
  }
  return complaints;
}

/** Nobody imports a worker's entry: it is started by its URL, and known by its protocol. */
export function importsOfActors({ modules }: Project): string[] {
  return [...modules.values()].flatMap(({ path, imports }) =>
    imports.filter((target) => target.endsWith("/actor.ts")).map((target) => `${path} imports ${target}`),
  );
}

/** No file imports itself through others. */
export function importCycles({ modules }: Project): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const follow = (path: string, trail: readonly string[]): void => {
    const begin = trail.indexOf(path);
    if (begin >= 0) cycles.push([...trail.slice(begin), path].join(" -> "));
    if (begin >= 0 || done.has(path)) return;
    for (const target of modules.get(path)?.imports ?? []) follow(target, [...trail, path]);
    done.add(path);
  };
  for (const path of modules.keys()) follow(path, []);
  return cycles;
}

/** Every file of src and bench is reached from what package.json names, by imports or as a worker. */
export function deadFiles({ modules, entries }: Project): string[] {
  const reached = new Set<string>();
  const follow = (path: string): void => {
    const module = modules.get(path);
    if (module === undefined || reached.has(path)) return;
    reached.add(path);
    for (const target of [...module.imports, ...module.starts]) follow(target);
  };
  for (const entry of entries) follow(entry);
  return [...modules.keys()].filter((path) => !path.startsWith("test/") && !reached.has(path));
}

/** Files that something outside of the imports uses: entries, and what is started by its URL. */
export function filesUsedFromOutside({ modules, entries }: Project): Set<string> {
  return new Set([...entries, ...[...modules.values()].flatMap(({ starts }: Module) => starts)]);
}

interface Part {
  /** `src`, `bench` or `test`. */
  readonly area: string;
  /** Its first folder in there, or the file itself. */
  readonly folder: string;
  /** The folder in that one, or undefined where the file stands in it. */
  readonly room: string | undefined;
}

function partOf(path: string): Part {
  const [area = "", folder = "", room, file] = path.split("/");
  return { area, folder, room: file === undefined ? undefined : room };
}

function complaintAboutImport(from: Part, to: Part): string | undefined {
  if (from.area === "test" || !areas.includes(to.area) || (from.area === "bench" && to.area !== "test"))
    return undefined;
  if (from.area !== to.area) return `${from.area} knows nothing of ${to.area}`;
  if (from.folder === to.folder) return complaintAboutRooms(from, to);
  if (from.folder === "client" && to.folder !== "event") return "the client knows the event alone";
  if (from.folder === "page") return "the page knows nothing of the rest";
  return order.indexOf(to.folder) < order.indexOf(from.folder) ? undefined : `${to.folder} is not above ${from.folder}`;
}

function complaintAboutRooms(from: Part, to: Part): string | undefined {
  const inOrder = rooms[from.folder];
  if (inOrder === undefined || from.room === undefined || to.room === undefined || from.room === to.room)
    return undefined;
  const [fromAt, toAt] = [inOrder.indexOf(from.room), inOrder.indexOf(to.room)];
  if (fromAt < 0) return `${from.folder}/${from.room} has no place in the order of rooms`;
  return toAt >= 0 && toAt < fromAt ? undefined : `${to.room} is not above ${from.room}`;
}
