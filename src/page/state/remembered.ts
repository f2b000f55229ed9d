/** Choices that the browser remembers: time range, time zone, colours. Never the token. */
import { Cell } from "./cell.ts";

/** A cell whose value is one of `allowed`, kept in the browser's local storage. */
export function rememberedChoice<T extends string>(
  key: string,
  choice: { first: T; isAllowed: (value: string) => value is T },
): Cell<T> {
  const name = `millrace.${key}`;
  const stored = localStorage.getItem(name);
  const cell = new Cell<T>(stored !== null && choice.isAllowed(stored) ? stored : choice.first);
  cell.listen(() => localStorage.setItem(name, cell.value));
  return cell;
}
