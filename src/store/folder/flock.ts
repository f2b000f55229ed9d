/** Lock calls that Bun lacks: flock(2) on a folder, and fcntl(2) to find the process that holds a file. */
import { dlopen, type Pointer, read } from "bun:ffi";

/**
 * struct flock of 64-bit Linux: type and whence (16 bits), start, length (64 bits, at 8 and 16), process (32 bits, at
 * 24). Bytes.
 */
const structBytes = 32;
const getLock = 5;
const unlocked = 2;

/**
 * The id of the process that holds an fcntl(2) lock, as SQLite takes it, on any part of an open file. Changes nothing.
 * 0: a process that this one cannot see, such as one of another container. Undefined: nobody holds it, or this system
 * cannot say.
 */
export function holderOf(descriptor: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of libraries)
    try {
      const { symbols } = dlopen(name, { fcntl: { args: ["i32", "i32", "ptr"], returns: "i32" } });
      const asked = new DataView(new ArrayBuffer(structBytes));
      // All zero asks whether a read lock on the whole file would be granted.
      if (symbols.fcntl(descriptor, getLock, new Uint8Array(asked.buffer)) !== 0) return undefined;
      return asked.getInt16(0, true) === unlocked ? undefined : asked.getInt32(24, true);
    } catch {
      // Another system's name.
    }
  return undefined;
}

const exclusive = 2;
const withoutWaiting = 4;

/** The call, its error number after a failure, and the number that means "held by another". */
type System = { flock(descriptor: number, what: number): number; errorNumber(): number; wouldBlock: number };

/**
 * Locks an open folder or file for as long as its descriptor is open.
 * "not possible": this system has no such call, or the file system cannot lock folders (NFS); then nobody is kept out.
 */
export function lockOpen(descriptor: number): "taken" | "held by another" | "not possible" {
  const system = systemOf();
  if (system === undefined) return "not possible";
  if (system.flock(descriptor, exclusive | withoutWaiting) === 0) return "taken";
  return system.errorNumber() === system.wouldBlock ? "held by another" : "not possible";
}

const flock = { args: ["i32", "i32"], returns: "i32" } as const;
const errorPlace = { args: [], returns: "ptr" } as const;
const numberAt = (place: Pointer | bigint | null) => (typeof place === "number" ? read.i32(place) : 0);

/** File names of the C library: glibc, musl, macOS. */
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
