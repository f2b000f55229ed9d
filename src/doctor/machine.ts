/** Judges a machine from readings. Pure. */
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Readings of a machine; undefined where the machine does not report one. */
export type MachineReading = {
  bunVersion: string;
  /** As package.json has it, such as `>=1.4.5`. */
  bunWanted: string;
  descriptorsMax: number | undefined;
  memoryBytes: number;
  fileSystem: string | undefined;
  freeBytes: number;
  /** Files that can still be created; 0 of 0 if the file system does not count them. */
  files: { free: number; all: number };
  nowMs: number;
  isClockSynchronized: boolean | undefined;
};

const MiB = 1024 * 1024;

/** A few hundred connections beside segments that are read: what most systems give. */
const descriptorsMin = { fail: 256, warn: 4_096 };

/** Below `fail` no segment can be merged; `warn` is a few hours of a busy service. Bytes. */
const freeBytesMin = { fail: 64 * MiB, warn: 1024 * MiB };

/** The service, a rewrite and a query at a time, of about a third each. Bytes. */
const memoryBytesMin = 1024 * MiB;

const freeFilesMin = 10_000;

/** No event is older than the project, and nobody sets a clock later than the last year on purpose. */
const years = { first: 2026, last: 2100 };

/** File systems whose locks and syncs another machine handles. */
const network = /^(nfs|nfs4|cifs|smb2|smbfs|9p|ceph|glusterfs|lustre|afs|fuse.*)$/;

/** One finding for each thing that a service needs from its machine. */
export const machineFindings = (reading: MachineReading): Finding[] => [
  bunFinding(reading),
  descriptorsFinding(reading),
  memoryFinding(reading),
  fileSystemFinding(reading),
  spaceFinding(reading),
  filesFinding(reading),
  clockFinding(reading),
];

function bunFinding({ bunVersion, bunWanted }: MachineReading): Finding {
  return Bun.semver.satisfies(bunVersion, bunWanted)
    ? ok("Bun", bunVersion)
    : fail("Bun", `${bunVersion}, and ${bunWanted} is needed`, "install that version, or run by npx bun@1.4.5");
}

function descriptorsFinding({ descriptorsMax }: MachineReading): Finding {
  if (descriptorsMax === undefined) return ok("descriptors", "this system does not say how many may be open");
  const text = `${descriptorsMax} may be open`;
  const advice = "raise the limit (ulimit -n 65536, or LimitNOFILE=65536 in the unit)";
  if (descriptorsMax < descriptorsMin.fail) return fail("descriptors", `only ${text}`, advice);
  return descriptorsMax < descriptorsMin.warn
    ? warn("descriptors", `only ${text}, sockets of clients included`, advice)
    : ok("descriptors", text);
}

function memoryFinding({ memoryBytes }: MachineReading): Finding {
  const text = `${Math.floor(memoryBytes / MiB)} MiB`;
  return memoryBytes < memoryBytesMin
    ? warn("memory", `${text}: little for a service that merges and answers queries`, "give it 1 GiB at least")
    : ok("memory", text);
}

function fileSystemFinding({ fileSystem }: MachineReading): Finding {
  if (fileSystem === undefined) return ok("file system", "this system does not say of which kind it is");
  if (fileSystem === "tmpfs" || fileSystem === "ramfs")
    return warn("file system", `${fileSystem} is memory: all is gone when the machine restarts`, "use a disk");
  if (network.test(fileSystem))
    return warn(
      "file system",
      `${fileSystem}: its syncs and locks are another machine's`,
      "use a local disk, and copy snapshots to the other machine",
    );
  if (fileSystem === "overlay" || fileSystem === "aufs")
    return ok("file system", `${fileSystem}, a container's: what is not on a volume goes with the container`);
  return ok("file system", fileSystem);
}

function spaceFinding({ freeBytes }: MachineReading): Finding {
  const text = `${Math.floor(freeBytes / MiB)} MiB free`;
  const advice = "make room, give the folder another disk, or set MILLRACE_RETENTION_DAYS";
  if (freeBytes < freeBytesMin.fail) return fail("disk space", text, advice);
  return freeBytes < freeBytesMin.warn ? warn("disk space", text, advice) : ok("disk space", text);
}

function filesFinding({ files }: MachineReading): Finding {
  if (files.all === 0) return ok("files", "this file system does not count them");
  return files.free < freeFilesMin
    ? warn("files", `only ${files.free} more can be made on this disk`, "remove files, or use another disk")
    : ok("files", `${files.free} more can be made`);
}

function clockFinding({ nowMs, isClockSynchronized }: MachineReading): Finding {
  const year = new Date(nowMs).getUTCFullYear();
  const text = new Date(nowMs).toISOString();
  const advice = "set the clock, and run a time service (chrony, systemd-timesyncd)";
  if (year < years.first) return fail("clock", `${text} lies before this version was made`, advice);
  if (year > years.last) return warn("clock", `${text} is hardly the time`, advice);
  if (isClockSynchronized === false) return warn("clock", `${text}, not synchronised`, advice);
  return ok(
    "clock",
    `${text}, ${isClockSynchronized === true ? "synchronised" : "whether it is synchronised is not known here"}`,
  );
}
