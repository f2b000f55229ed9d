/** What an alert is: one file of the folder that `MILLRACE_ALERTS` names. Pure. */
import { jsonOrUndefined } from "../base/json.ts";
import { secondsOfDuration } from "../base/time.ts";
import { ContentRefused, type folderSource } from "../base/watched-content.ts";
import { isRecord } from "../event/parse/parse.ts";

/** An alert. It fires while the first cell of the first row of `sql` is beyond the limit. */
export type Alert = {
  /** The name of its file, without `.json`. */
  name: string;
  sql: string;
  limit: { above: number } | { below: number };
  everyMs: number;
  /** http or https, without a user or a password. */
  webhook: string;
};

const ending = ".json";

/** Each alert starts a process each time: 100 of them at an interval of a minute keep one core busy for a third. */
export const alertFolderBounds: Parameters<typeof folderSource>[1] = {
  takes: (name) => name.endsWith(ending) && !name.startsWith(".#"),
  filesMax: 100,
  bytesMax: 4 * 1024 * 1024,
};

const everySecondsMax = 7 * 86_400;
const members = ["sql", "above", "below", "every", "webhook"];

/** Whether the alert fires at a value; a value equal to the limit does not. */
export const isBeyond = ({ limit }: Alert, value: number): boolean =>
  "above" in limit ? value > limit.above : value < limit.below;

/**
 * Reads all files.
 * @throws ContentRefused naming each fault by file and member; nothing of a webhook is shown, as it may hold a key
 */
export function alertsOf(texts: ReadonlyMap<string, string>): Alert[] {
  const problems: string[] = [];
  const alerts: Alert[] = [];
  for (const [file, text] of texts) {
    const faults: string[] = [];
    const alert = alertOf(file.slice(0, -ending.length), text, (fault) => faults.push(`${file}: ${fault}`));
    problems.push(...faults);
    if (faults.length === 0 && alert !== undefined) alerts.push(alert);
  }
  if (problems.length > 0) throw new ContentRefused(problems.join("; "));
  return alerts;
}

/** Undefined if there is a fault, which `tell` was given. */
function alertOf(name: string, text: string, tell: (fault: string) => void): Alert | undefined {
  const value = jsonOrUndefined(text);
  // Names are shown in metrics, health and logs.
  if (name === "" || /\p{Cc}/u.test(name))
    tell("the name must have a character before .json, and no control characters");
  if (!isRecord(value)) {
    tell("must be one JSON object");
    return undefined;
  }
  for (const member of Object.keys(value))
    if (!members.includes(member)) tell(`${JSON.stringify(member)} is unknown; there are ${members.join(", ")}`);
  const { sql, every, webhook } = value;
  if (typeof sql !== "string" || sql.trim() === "") tell("sql: must be a SELECT");
  const seconds = typeof every === "string" ? secondsOfDuration(every) : undefined;
  if (seconds === undefined || seconds < 1 || seconds > everySecondsMax)
    tell("every: must be a number and a unit (30s, 1m, 2h, 1d), from 1s to 7d");
  const fault = webhookFault(webhook);
  if (fault !== undefined) tell(`webhook: ${fault}`);
  const limit = limitOf(value, tell);
  if (typeof sql !== "string" || seconds === undefined || typeof webhook !== "string" || limit === undefined)
    return undefined;
  return { name, sql, limit, everyMs: seconds * 1000, webhook };
}

function limitOf(value: Record<string, unknown>, tell: (fault: string) => void): Alert["limit"] | undefined {
  const { above, below } = value;
  if ((above === undefined) === (below === undefined)) {
    tell("exactly one of above and below must be there");
    return undefined;
  }
  const limit = above ?? below;
  if (typeof limit === "number" && Number.isFinite(limit))
    return above === undefined ? { below: limit } : { above: limit };
  tell(`${above === undefined ? "below" : "above"}: must be a number`);
  return undefined;
}

function webhookFault(webhook: unknown): string | undefined {
  const url = typeof webhook === "string" ? URL.parse(webhook) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol))
    return "must be a URL that begins with https:// or http://";
  return url.username === "" && url.password === "" ? undefined : "must be a URL without a user or a password";
}
