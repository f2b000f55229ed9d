/** flock(2), which Bun has no call for: a lock on a folder, by its open descriptor. */
import { dlopen, type Pointer, read } from "bun:ffi";

const exclusive = 2;
const withoutWaiting = 4;

/** The call, what it leaves behind when it fails, and the number for "somebody else has it". */
type System = { flock(descriptor: number, what: number): number; errorNumber(): number; wouldBlock: number };

/**
 * Locks an open folder for as long as its descriptor is open.
 * "not possible": there is no such call here, or the file system has none for folders (NFS); then it keeps nobody out.
 */
export function lockOpenFolder(descriptor: number): "taken" | "held by another" | "not possible" {
  const system = systemOf();
  if (system === undefined) return "not possible";
  if (system.flock(descriptor, exclusive | withoutWaiting) === 0) return "taken";
  return system.errorNumber() === system.wouldBlock ? "held by another" : "not possible";
}

const flock = { args: ["i32", "i32"], returns: "i32" } as const;
const errorPlace = { args: [], returns: "ptr" } as const;
const numberAt = (place: Pointer | bigint | null) => (typeof place === "number" ? read.i32(place) : 0);

/** The C library by its name: of glibc, of musl, of macOS. */
function systemOf(): System | undefined {
  for (const name of ["libc.so.6", "libc.so", "libSystem.B.dylib"])
    try {
      if (name.endsWith(".dylib")) {
        const { symbols } = dlopen(name, { flock, __error: errorPlace });
        return { flock: symbols.flock, errorNumber: () => numberAt(symbols.__error()), wouldBlock: 35 };
      }
      const { symbols } = dlopen(name, { flock, __errno_location: errorPlace });
      return { flock: symbols.flock, errorNumber: () => numberAt(symbols.__errno_location()), wouldBlock: 11 };
    } catch {
      // Another system's name.
    }
  return undefined;
}
