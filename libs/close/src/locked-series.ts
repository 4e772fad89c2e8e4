import { CloseError } from './close-error.js';

/** A series that was found locked is left alone for so long. */
const PAUSE_MS = 5_000;

/** Thrown for a batch whose seller's numbers cannot be taken now. No attempt was used up; it is to be tried after a pause. */
export class SeriesLocked extends CloseError {
  readonly pause_ms = PAUSE_MS;

  constructor() {
    super('series_locked', "another process keeps the seller's number series locked; the batch is tried again", true);
  }
}

/**
 * The sellers whose number series another process keeps locked, as this process found them. Of such a seller one account at a
 * time tries whether it still is so, and the others keep no place meanwhile in which another seller could be billed.
 */
export class LockedSeries {
  /** By seller: until when nothing is tried. */
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** Whether an account of the seller may be tried now. The one that may after a pause does so for all others. */
  mayTry(sellerId: string): boolean {
    const until = this.#until.get(sellerId);
    if (until === undefined) return true;
    if (this.#now() < until) return false;
    this.found(sellerId);
    return true;
  }

  isLocked(sellerId: string): boolean {
    return this.#until.has(sellerId);
  }

  found(sellerId: string): void {
    this.#until.set(sellerId, this.#now() + PAUSE_MS);
  }

  /** A number was taken. */
  freed(sellerId: string): void {
    this.#until.delete(sellerId);
  }
}
