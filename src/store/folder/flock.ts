/** Locks that Bun has no calls for: flock(2) on a folder, and a look at who holds a file by fcntl(2). */
import { dlopen, type Pointer, read } from "bun:ffi";

/**
 * struct flock of 64-bit Linux: type and whence (16 bits), start, length (64 bits, at 8 and 16), process (32 bits, at
 * 24). Bytes.
 */
const structBytes = 32;
const getLock = 5;
const unlocked = 2;

/**
 * The process that has locked any part of an open file for itself by fcntl(2), as SQLite does; takes and changes
 * nothing. 0: one that this process cannot see, of another container say. Undefined: nobody has, or it cannot be asked
 * here.
 */
export function holderOf(descriptor: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of libraries)
    try {
      const { symbols } = dlopen(name, { fcntl: { args: ["i32", "i32", "ptr"], returns: "i32" } });
      const asked = new DataView(new ArrayBuffer(structBytes));
      // All zero: a lock for reading, of the whole file. Would it be let in?
      if (symbols.fcntl(descriptor, getLock, new Uint8Array(asked.buffer)) !== 0) return undefined;
      return asked.getInt16(0, true) === unlocked ? undefined : asked.getInt32(24, true);
    } catch {
      // Another system's name.
    }
  return undefined;
}

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
const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libSystem.B.dylib"];

function systemOf(): System | undefined {
  for (const name of libraries)
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
