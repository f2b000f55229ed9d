/** A value that several views read and that tells them when it changes. */
import { useEffect, useState } from "preact/hooks";

/** One value with its listeners. */
export class Cell<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(next: T) {
    if (Object.is(this.#value, next)) return;
    this.#value = next;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` after each change, until the function that is returned is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The value of a cell; the component is drawn again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  const [, draw] = useState({});
  const seen = cell.value;
  useEffect(() => {
    const redraw = () => draw({});
    // It may have changed between the drawing and this effect.
    if (!Object.is(seen, cell.value)) redraw();
    return cell.listen(redraw);
  }, [cell]);
  return seen;
}
