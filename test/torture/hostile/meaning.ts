/**
 * What a JSON text means, by a parser that the service does not use: jsonc-parser, the one of VS Code. It reports
 * offsets in the text, so the digits of numbers and the order of members can be compared as they were sent. For a
 * duplicate key the last value counts, at the place of the first. Keys that are whole numbers come before all others.
 * JavaScript reads objects in this way, and they are stored so.
 */
import { type Node, parseTree } from "jsonc-parser";

/**
 * The value in one form: numbers by their digits, strings by their characters, members in JavaScript's order. Undefined
 * if it is not JSON.
 */
export function meaningOf(text: string): string | undefined {
  const root = parseTree(text, [], { disallowComments: true });
  return root === undefined ? undefined : meaningOfNode(root, text);
}

/** The meaning of a member of an object, by its key; the last of several. Undefined if there is none. */
export function memberOf(text: string, key: string): string | undefined {
  const root = parseTree(text, [], { disallowComments: true });
  const found = root?.children?.filter(({ children }) => children?.[0]?.value === key).at(-1)?.children?.[1];
  return found === undefined ? undefined : meaningOfNode(found, text);
}

function meaningOfNode(node: Node, text: string): string {
  const children = node.children ?? [];
  switch (node.type) {
    case "object":
      return `{${membersOf(node, text)
        .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
        .join(",")}}`;
    case "array":
      return `[${children.map((child) => meaningOfNode(child, text)).join(",")}]`;
    case "string":
      return JSON.stringify(node.value);
    default:
      return text.slice(node.offset, node.offset + node.length);
  }
}

/** Members of an object by their keys, each once. */
function membersOf({ children = [] }: Node, text: string): [key: string, meaning: string][] {
  const members = new Map<string, string>();
  for (const { children: [key, value] = [] } of children)
    if (key !== undefined && value !== undefined) members.set(String(key.value), meaningOfNode(value, text));
  const isIndex = (key: string) => /^(0|[1-9]\d*)$/.test(key) && Number(key) < 2 ** 32 - 1;
  const listed = [...members];
  const indexed = listed.filter(([key]) => isIndex(key)).sort(([a], [b]) => Number(a) - Number(b));
  return [...indexed, ...listed.filter(([key]) => !isIndex(key))];
}
