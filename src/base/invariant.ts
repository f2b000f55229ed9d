/** A promise of our own code that did not hold: a bug, never the fault of a request or of the disk. */
class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
}

/**
 * Checks a promise.
 * @throws InvariantBroken when it does not hold
 */
export function invariant(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new InvariantBroken(promise);
}

/**
 * Ends a switch over a union: does not compile while a case is missing.
 * @throws InvariantBroken when reached all the same, through a message from another version
 */
export function unreachable(value: never): never {
  throw new InvariantBroken(`no case for ${JSON.stringify(value)}`);
}
