/** What upkeep works with, and its limits. */
import type { Log } from "../base/log.ts";
import type { Programs } from "../base/programs.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { RedriveTools } from "./redrive.ts";
import type { RewriteTools } from "./rewrite-next.ts";
import type { RewriteGuard } from "./rewriter.ts";

/** What upkeep works with, and its limits. */
export type UpkeepOptions = Omit<RewriteTools, "rewriter" | "efforts"> &
  RedriveTools & {
    folder: DataFolder;
    log: Log;
    programs: Programs;
    limits: {
      /** Replaced segments stay for this long. ms */
      graceMs: number;
      /** Events received longer ago are dropped; 0: none. ms */
      retentionMs: number;
      /** Time and memory of a query; the SQL condition of an erasure gets the same. */
      queries: RewriteGuard;
    };
  };
