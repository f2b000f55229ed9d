/**
 * The few calls of the system's C library that the runtime does not offer: limits of the process, sockets by their
 * descriptor, a clock that all threads share, and the scheduler. Linux alone; undefined elsewhere, and if the library
 * is not found.
 */
import { dlopen, FFIType } from "bun:ffi";

const { i32, i64, ptr } = FFIType;

const calls = {
  getrlimit: { args: [i32, ptr], returns: i32 },
  setrlimit: { args: [i32, ptr], returns: i32 },
  fcntl: { args: [i32, i32], returns: i32 },
  getsockname: { args: [i32, ptr, ptr], returns: i32 },
  getpeername: { args: [i32, ptr, ptr], returns: i32 },
  getsockopt: { args: [i32, i32, i32, ptr, ptr], returns: i32 },
  shutdown: { args: [i32, i32], returns: i32 },
  clock_gettime: { args: [i32, ptr], returns: i32 },
  /** For calls that the library has no function for: the number, then up to three arguments. */
  syscall: { args: [i64, i64, ptr, i64], returns: i64 },
} as const;

/** The library's name on most systems, and on those with musl. */
const names = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

type Libc = ReturnType<typeof dlopen<typeof calls>>["symbols"];

let opened: Libc | undefined;

/** The calls; each returns -1 if the system refuses. The library is opened once in each thread. */
export function libc(): Libc | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of names)
    try {
      opened ??= dlopen(name, calls).symbols;
    } catch (error) {
      // This is the other kind of system, or the library cannot be used.
      if (!(error instanceof Error)) throw error;
    }
  return opened;
}
