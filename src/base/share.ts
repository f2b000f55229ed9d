/** Who may read what is written into a data folder. */

/** Values of `MILLRACE_SHARE`: the user whose processes write alone, or the folder's group too. */
export const shares = ["owner", "group"] as const;

/** One of `shares`. */
export type Share = (typeof shares)[number];

/** Permissions that new folders and files get; the secret's are always those of `owner`. */
export const modesOf = (share: Share): { folder: number; file: number } =>
  share === "owner" ? { folder: 0o700, file: 0o600 } : { folder: 0o750, file: 0o640 };

/**
 * From here on this process, and those that it starts, make folders and files with these permissions. By the umask, for
 * it reaches what DuckDB writes too; so whoever makes a file for a data folder names no mode. What is there already
 * keeps its own.
 */
export function shareWith(share: Share): void {
  process.umask(0o777 & ~modesOf(share).folder);
}
