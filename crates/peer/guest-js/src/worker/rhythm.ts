// How evenly pictures are shown, in the members and by the measures of webrtc-stats.

/** A picture is taken for late by the average of so many before it, once there are a few of them. */
const KNOWN = 30;
const ENOUGH = 5;
/** Seconds after which it is no freeze any more, but a pause. */
const PAUSE = 5;

const nothing = {
  totalInterFrameDelay: 0,
  totalSquaredInterFrameDelay: 0,
  freezeCount: 0,
  totalFreezesDuration: 0,
  pauseCount: 0,
  totalPausesDuration: 0,
};

export class Rhythm {
  #last: number | undefined;
  #durations: number[] = [];
  #counts = { ...nothing };

  /** A picture is shown, at this time in milliseconds. */
  shown(now: number): void {
    const before = this.#last;
    this.#last = now;
    if (before === undefined) return;
    const duration = (now - before) / 1000;
    const counts = this.#counts;
    counts.totalInterFrameDelay += duration;
    counts.totalSquaredInterFrameDelay += duration * duration;
    if (duration > PAUSE) {
      counts.pauseCount++;
      counts.totalPausesDuration += duration;
      return;
    }
    if (this.#durations.length >= ENOUGH && duration >= this.#late()) {
      counts.freezeCount++;
      counts.totalFreezesDuration += duration;
    }
    this.#durations.push(duration);
    if (this.#durations.length > KNOWN) this.#durations.shift();
  }

  stats(): typeof nothing {
    return { ...this.#counts };
  }

  /** The duration from which on a picture came late. */
  #late(): number {
    const average = this.#durations.reduce((sum, one) => sum + one, 0) / this.#durations.length;
    return Math.max(3 * average, average + 0.15);
  }
}
