// One clock for everything that a page sends: the worker's, in microseconds. Pure.

/** Microseconds by which a source's clock may stray from the worker's. */
const TOLERANCE = 200_000;

/**
 * Turns a source's timestamps into the worker's time, keeping their spacing. Sources of all kinds may follow each other
 * on one sender, so they must share a clock; and some have none: WebKit's canvas capture stamps no frame.
 */
export class SourceClock {
  #offset = Number.NaN;
  #last = Number.NEGATIVE_INFINITY;

  /** The time of a frame that the source stamped `timestamp` and that came `now`; ever increasing. */
  time(timestamp: number, now: number): number {
    let time = timestamp + this.#offset;
    // NaN, before the first frame, fails the comparison as well.
    if (!Number.isSafeInteger(timestamp) || time <= this.#last || !(Math.abs(time - now) <= TOLERANCE)) {
      time = now;
      this.#offset = now - timestamp;
    }
    this.#last = Math.max(Math.round(time), this.#last + 1);
    return this.#last;
  }
}
