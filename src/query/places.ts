/**
 * Places for queries that run, shared by subjects.
 *
 * Invariants:
 * - No more places are taken than there are; one is taken in the same step in which it is found free.
 * - If there are two or more, one subject never has all of them: one is left for others.
 * - A freed place goes to the waiter whose subject has the fewest, and among those to the one that came first. The
 *   freed place still counts for its subject, so a subject with many waiters does not follow itself while others wait.
 * - Each waiter holds its request, so waiters are bounded, all of them and those of one subject.
 */

/** More would not get a place within the time that they wait. Requests. */
const waitersMax = 64;

/** One subject leaves room for others to wait, too. Requests. */
const waitersOfSubjectMax = 16;

/** Who waits for a place. */
type Asker = { subject: string | null; signal: AbortSignal };

type Waiter = { subject: string | null; settle: (place: Place | undefined) => void };

/** A place that is taken. */
export class Place {
  readonly subject: string | null;
  readonly #free: (place: Place) => void;

  constructor(subject: string | null, free: (place: Place) => void) {
    this.subject = subject;
    this.#free = free;
  }

  /** Leaves it to the next. A second call does nothing. */
  free(): void {
    this.#free(this);
  }
}

/** The places, and who waits for one. */
export class Places {
  readonly #placesMax: number;
  readonly #taken = new Set<Place>();
  /** In the order in which they came. */
  readonly #waiters = new Set<Waiter>();

  constructor(placesMax: number) {
    this.#placesMax = placesMax;
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken.size;
  }

  /**
   * Takes a place, now or within `waitMs`. Undefined: none became free for this subject, too many wait, or the asker
   * has gone.
   */
  async take({ subject, signal }: Asker, waitMs: number): Promise<Place | undefined> {
    if (signal.aborted) return undefined;
    // Nobody who waits could have it: a freed place is given away at once.
    if (this.#isFreeFor(subject)) return this.#give(subject);
    const ofSubject = [...this.#waiters].filter((waiter) => waiter.subject === subject).length;
    if (this.#waiters.size >= waitersMax || ofSubject >= waitersOfSubjectMax) return undefined;
    const { promise, resolve } = Promise.withResolvers<Place | undefined>();
    const settle = (place: Place | undefined) => {
      // In the same step, so that no place is given to one that waits no more.
      this.#waiters.delete(waiter);
      resolve(place);
    };
    const waiter: Waiter = { subject, settle };
    this.#waiters.add(waiter);
    const giveUp = () => settle(undefined);
    const timer = setTimeout(giveUp, waitMs);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Nobody gets a place any more, and nobody waits. */
  stop(): void {
    for (const { settle } of [...this.#waiters]) settle(undefined);
  }

  #give(subject: string | null): Place {
    const place = new Place(subject, (freed) => this.#free(freed));
    this.#taken.add(place);
    return place;
  }

  #free(place: Place): void {
    if (!this.#taken.delete(place)) return;
    const next = this.#nextAfter(place.subject);
    next?.settle(this.#give(next.subject));
  }

  /** Who gets the place that a subject had. */
  #nextAfter(freedBy: string | null): Waiter | undefined {
    let next: { waiter: Waiter; own: number } | undefined;
    for (const waiter of this.#waiters) {
      if (!this.#isFreeFor(waiter.subject)) continue;
      const own = this.#ownedBy(waiter.subject) + (waiter.subject === freedBy ? 1 : 0);
      if (next === undefined || own < next.own) next = { waiter, own };
    }
    return next?.waiter;
  }

  #isFreeFor(subject: string | null): boolean {
    return this.#taken.size < this.#placesMax && this.#ownedBy(subject) < Math.max(1, this.#placesMax - 1);
  }

  #ownedBy(subject: string | null): number {
    let own = 0;
    for (const place of this.#taken) if (place.subject === subject) own += 1;
    return own;
  }
}
