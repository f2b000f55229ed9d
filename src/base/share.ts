/** Who may read what is written into a data folder. */

/** Values of `MILLRACE_SHARE`: only the user whose processes write, or the folder's group too. */
export const shares = ["owner", "group"] as const;

/** One of `shares`. */
export type Share = (typeof shares)[number];

/** Permissions of new folders and files; the secret's are always those of `owner`. */
export const modesOf = (share: Share): { folder: number; file: number } =>
  share === "owner" ? { folder: 0o700, file: 0o600 } : { folder: 0o750, file: 0o640 };

/**
 * Sets the permissions of all files and folders that this process, and those that it starts, make from now on. Uses the
 * umask, since that also applies to what DuckDB writes; so code that makes a file in a data folder passes no mode.
 * Existing files keep their permissions.
 */
export function shareWith(share: Share): void {
  process.umask(0o777 & ~modesOf(share).folder);
}
