// How overloaded this machine is, judged by how late timers fire. The page's thread paints, and is late first; the
// worker's is late where the page is hidden. Pure.

/** Milliseconds between two beats. */
export const BEAT = 200;
/** Beats of one judgement, and judgements of trouble in a row that count: a start of something is no load. */
const WINDOW = 10;
const TROUBLE = 2;
/** Judgements without trouble after which a level is taken back. */
const CALM = 6;
/** Milliseconds of delay, on average: above the first the machine cannot follow, below the second it can. */
const LATE = 40;
const PROMPT = 15;
/** A delay of this many milliseconds is no load: the machine slept, or the page is hidden and its timers are slowed. */
const ABSENT = 700;
/** The highest level. */
export const MOST = 3;

export class Pressure {
  /** 0 (none) to `MOST`. */
  level = 0;
  #former: number | undefined;
  #late = 0;
  #beats = 0;
  #calm = 0;
  #trouble = 0;

  /** To be called every `BEAT` milliseconds, or later. True if the level is another now. */
  beat(now: number): boolean {
    const late = this.#former === undefined ? 0 : Math.max(0, now - this.#former - BEAT);
    this.#former = now;
    if (late >= ABSENT) return false;
    this.#late += late;
    if (++this.#beats < WINDOW) return false;
    const average = this.#late / WINDOW;
    this.#late = 0;
    this.#beats = 0;
    const before = this.level;
    this.#trouble = average > LATE ? this.#trouble + 1 : 0;
    if (average > PROMPT) this.#calm = 0;
    if (this.#trouble >= TROUBLE) {
      this.level = Math.min(MOST, this.level + 1);
      this.#trouble = 0;
    } else if (average <= PROMPT && this.level > 0 && ++this.#calm >= CALM) {
      this.level--;
      this.#calm = 0;
    }
    return this.level !== before;
  }
}
