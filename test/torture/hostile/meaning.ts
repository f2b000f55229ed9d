/**
 * What a JSON text means, by a parser that the service does not use: jsonc-parser, the one of VS Code. It gives places in the text, so that
 * the digits of numbers, the order of members and keys that come twice are seen as they were sent.
 */
import { type Node, parseTree } from "jsonc-parser";

/** The value in one form: numbers by their digits, strings by their characters, members in order. Undefined: it is not JSON. */
export function meaningOf(text: string): string | undefined {
  const root = parseTree(text, [], { disallowComments: true });
  return root === undefined ? undefined : meaningOfNode(root, text);
}

/** The meaning of a member of an object, by its key; of several, the last. Undefined: there is none. */
export function memberOf(text: string, key: string): string | undefined {
  const root = parseTree(text, [], { disallowComments: true });
  const found = root?.children?.filter(({ children }) => children?.[0]?.value === key).at(-1)?.children?.[1];
  return found === undefined ? undefined : meaningOfNode(found, text);
}

function meaningOfNode(node: Node, text: string): string {
  const children = node.children ?? [];
  switch (node.type) {
    case "object":
      return `{${children.map((child) => meaningOfNode(child, text)).join(",")}}`;
    case "property":
      return children.map((child) => meaningOfNode(child, text)).join(":");
    case "array":
      return `[${children.map((child) => meaningOfNode(child, text)).join(",")}]`;
    case "string":
      return JSON.stringify(node.value);
    default:
      return text.slice(node.offset, node.offset + node.length);
  }
}
