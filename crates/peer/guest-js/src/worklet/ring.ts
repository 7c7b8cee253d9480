// The jitter buffer in front of the loudspeaker: mono samples in at the network's pace, out at the sound card's. Pure.

/** Samples per millisecond at 48 kHz. */
const MS = 48;
const CAPACITY = 48_000;
const TARGET_FIRST = 60 * MS;
const TARGET_LEAST = 40 * MS;
const TARGET_MOST = 240 * MS;
/** A hole in the media time up to this long is filled, so that what follows comes in time. */
const FILL_MOST = 120 * MS;
/** How long a fade in or out, or the seam of a skip, takes. */
const FADE = 5 * MS;
/** What one skip removes, and how far above the target the least level must stay for it. */
const SKIP = 10 * MS;
const EXCESS = 30 * MS;
/** Samples over which the least level is watched, and between two skips. */
const WATCH = 1000 * MS;
const SKIP_INTERVAL = 100 * MS;

export class JitterRing {
  #ring = new Float32Array(CAPACITY);
  #read = 0;
  #level = 0;
  #target = TARGET_FIRST;
  #playing = false;
  /** Media position of the sample that would come next, or undefined before the first one. */
  #next: number | undefined;
  #least = CAPACITY;
  #watched = 0;
  #calm = 0;
  #skips = 0;
  #sinceSkip = 0;
  #fadeIn = 0;
  /** The last value played, from where a fade-out starts. */
  #held = 0;
  #fadeOut = 0;
  #everPlayed = false;

  readonly counts = { concealed: 0, concealments: 0, skipped: 0, played: 0 };

  /** Samples waiting. */
  get level(): number {
    return this.#level;
  }

  /** Samples that should wait before playing starts. */
  get target(): number {
    return this.#target;
  }

  /** Takes samples whose first stands at `position` in the remote's media time. */
  push(samples: Float32Array, position: number): void {
    const expected = this.#next ?? position;
    const hole = position - expected;
    if (hole > 0 && hole <= FILL_MOST) this.#fill(hole);
    // What is late by more than a reordering can explain is a new beginning of the clock: play it as it comes.
    if (hole < 0 && hole > -FILL_MOST) return;
    this.#next = position + samples.length;
    this.#write(samples);
  }

  /** Fills `out` with what is to be heard now. */
  pull(out: Float32Array): void {
    if (!this.#playing && this.#level >= this.#target) {
      this.#playing = true;
      this.#everPlayed = true;
      this.#fadeIn = FADE;
      this.#watchAnew();
    }
    if (!this.#playing) {
      this.#conceal(out, 0);
      return;
    }
    const count = Math.min(out.length, this.#level);
    for (let index = 0; index < count; index++) out[index] = this.#take();
    if (count > 0) this.#held = out[count - 1] ?? 0;
    this.counts.played += count;
    if (count < out.length) this.#underrun(out, count);
    else this.#watch(out.length);
  }

  #underrun(out: Float32Array, from: number): void {
    this.#playing = false;
    this.#fadeOut = FADE;
    this.counts.concealments++;
    this.#target = Math.min(TARGET_MOST, this.#target + 20 * MS);
    this.#calm = 0;
    this.#conceal(out, from);
  }

  /** Silence, reached from the last sample by a short ramp. */
  #conceal(out: Float32Array, from: number): void {
    for (let index = from; index < out.length; index++) {
      out[index] = this.#fadeOut > 0 ? (this.#held * this.#fadeOut--) / FADE : 0;
    }
    if (this.#everPlayed) this.counts.concealed += out.length - from;
  }

  /** Follows the least level: shortens a queue that is never used up, and the target when all is calm. */
  #watch(played: number): void {
    this.#least = Math.min(this.#least, this.#level);
    this.#watched += played;
    this.#sinceSkip += played;
    if (this.#skips > 0 && this.#sinceSkip >= SKIP_INTERVAL) {
      this.#skips--;
      this.#sinceSkip = 0;
      this.#skip();
    }
    if (this.#watched < WATCH) return;
    // The least level just after a pull is the part of the queue that jitter did not need.
    const spare = this.#least - (this.#target - TARGET_LEAST);
    this.#skips = spare > EXCESS ? Math.ceil((spare - EXCESS / 2) / SKIP / 2) : 0;
    this.#calm++;
    if (this.#calm >= 3) {
      this.#calm = 0;
      this.#target = Math.max(TARGET_LEAST, this.#target - 10 * MS);
    }
    this.#watchAnew();
  }

  #watchAnew(): void {
    this.#least = CAPACITY;
    this.#watched = 0;
  }

  /** Drops SKIP samples, with a cross-fade over the seam. */
  #skip(): void {
    if (this.#level < SKIP + FADE) return;
    for (let index = 0; index < FADE; index++) {
      const after = (this.#read + SKIP + index) % CAPACITY;
      const weight = index / FADE;
      const before = this.#ring[(this.#read + index) % CAPACITY] ?? 0;
      this.#ring[after] = before * (1 - weight) + (this.#ring[after] ?? 0) * weight;
    }
    this.#drop(SKIP);
  }

  #drop(count: number): void {
    this.#read = (this.#read + count) % CAPACITY;
    this.#level -= count;
    this.counts.skipped += count;
  }

  #take(): number {
    const value = this.#ring[this.#read] ?? 0;
    this.#read = (this.#read + 1) % CAPACITY;
    this.#level--;
    if (this.#fadeIn === 0) return value;
    this.#fadeIn--;
    return value * (1 - this.#fadeIn / FADE);
  }

  #write(samples: Float32Array): void {
    const excess = this.#level + samples.length - CAPACITY;
    if (excess > 0) this.#drop(Math.min(this.#level, Math.max(excess, this.#level - this.#target)));
    let at = (this.#read + this.#level) % CAPACITY;
    for (const sample of samples) {
      this.#ring[at] = sample;
      at = (at + 1) % CAPACITY;
    }
    this.#level += samples.length;
  }

  /** Makes up `count` lost samples: the last 20 ms once more, ever softer. */
  #fill(count: number): void {
    this.counts.concealments++;
    this.counts.concealed += count;
    const period = Math.min(20 * MS, this.#level);
    const made = new Float32Array(count);
    if (period > 0) {
      const start = this.#read + this.#level - period;
      for (let index = 0; index < count; index++) {
        const softer = Math.max(0, 1 - index / (40 * MS));
        made[index] = (this.#ring[(start + (index % period)) % CAPACITY] ?? 0) * softer;
      }
    }
    this.#write(made);
  }
}
