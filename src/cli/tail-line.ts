/** An event as one line for people. Pure. */
import { styleText } from "node:util";
import { jsonOrUndefined } from "../base/json.ts";
import { isRecord } from "../event/parse/parse.ts";
import { plain } from "./terminal-text.ts";

type Style = Parameters<typeof styleText>[0];

/** Categories that a reader looks for have colours of their own. */
const categoryStyles: Readonly<Record<string, Style>> = { error: "red", trading: "green", auth: "yellow" };

const categoryWidth = "user_action".length;

/**
 * Time (UTC), category, name, who, page and properties. `json` is an event of the tail; its strings cannot control the
 * terminal. Properties are shown with their digits as they were sent.
 */
export function tailLine(json: string, { hasColour }: { hasColour: boolean }): string {
  const event = jsonOrUndefined(json);
  if (!isRecord(event)) return plain(json);
  const styled = (style: Style, text: string) => (hasColour ? styleText(style, text, { validateStream: false }) : text);
  const stringOf = (name: string) => {
    const value = event[name];
    return typeof value === "string" ? plain(value) : undefined;
  };
  const category = stringOf("category") ?? "";
  const who = stringOf("user_id") ?? stringOf("anonymous_id") ?? stringOf("client_id") ?? stringOf("session_id");
  // `properties` is the last column.
  const properties = json.slice(json.indexOf(propertiesLabel) + propertiesLabel.length, -1);
  const parts = [
    styled("dim", (stringOf("timestamp") ?? "").slice(11, 23)),
    styled(categoryStyles[category] ?? "cyan", category.padEnd(categoryWidth)),
    styled("bold", stringOf("event_name") ?? ""),
    who === undefined ? undefined : styled("magenta", who),
    stringOf("page_url"),
    properties === "null" ? undefined : styled("dim", plain(properties)),
  ];
  return parts.filter((part) => part !== undefined).join(" ");
}

const propertiesLabel = '"properties":';
