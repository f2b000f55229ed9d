/** Compares who may read and change a data folder with who should. Pure. */
import { modesOf, type Share } from "../base/share.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** A file or a folder: its path below the data folder ("" for the folder itself), its permissions and its owner. */
export type Entry = { path: string; isFolder: boolean; mode: number; user: number };

/** Findings about the modes and owners of entries; `user` is who runs the doctor, `root` the folder of the entries. */
export function modeFindings(
  entries: readonly Entry[],
  { share, user, root }: { share: Share; user: number; root: string },
): Finding[] {
  const modes = modesOf(share);
  const others = entries.filter(({ path }) => path !== "secret");
  const wanted = (entry: Entry) => (entry.isFolder ? modes.folder : modes.file);
  const open = others.filter((entry) => (entry.mode & 0o777 & ~wanted(entry) & 0o077) !== 0);
  const closed = others.filter((entry) => !isScratch(entry) && (wanted(entry) & ~entry.mode) !== 0);
  const findings: Finding[] = [];
  const mend = `chmod -R u=rwX,g=${share === "group" ? "rX" : ""},o= ${quoted(root)} && chmod 600 ${quoted(`${root}/secret`)}`;
  if (open.length > 0)
    findings.push(
      warn(
        "modes",
        `${told(open)} more people than MILLRACE_SHARE=${share} means`,
        share === "owner" ? `${mend}, or set MILLRACE_SHARE=group` : mend,
      ),
    );
  if (closed.length > 0)
    findings.push(warn("modes", `${told(closed)} fewer people than MILLRACE_SHARE=${share} means`, mend));
  if (findings.length === 0) findings.push(ok("modes", `match MILLRACE_SHARE=${share}`));
  const foreign = entries.filter((entry) => entry.user !== user);
  // A warning for root, too: it can write others' files, but what it creates belongs to root.
  if (foreign.length > 0)
    findings.push(
      warn(
        "owner",
        `${foreign.length} of ${entries.length} entries belong to another user (${nameOf(foreign[0])}: ${foreign[0]?.user}) than the one who asks (${user})`,
        `run millrace as that user, or chown -R ${user} ${quoted(root)}`,
      ),
    );
  else findings.push(ok("owner", `user ${user}`));
  return findings;
}

/** Scratch files of a running command or query are private, whoever may read the rest. */
const isScratch = ({ path }: Entry) => /^scratch(\/|$)/.test(path);

const nameOf = (entry: Entry | undefined) =>
  entry === undefined || entry.path === "" ? "the folder itself" : entry.path;

const told = (entries: readonly Entry[]) =>
  `${entries.length} ${entries.length === 1 ? "entry lets in" : "entries let in"} (${nameOf(entries[0])}: ${((entries[0]?.mode ?? 0) & 0o777).toString(8).padStart(4, "0")})`;

const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
