// What one remote voice has ready to be played. Kept as short as the trips to Rust and back allow: real waiting for the
// network happens there. Pure.

/** Samples in 10 ms at 48 kHz. */
export const BLOCK = 480;
/** Blocks that wait at first, at least and at most. */
const FIRST = 3;
const LEAST = 2;
const MOST = 10;
/** Samples of a fade over a seam. */
const FADE = 120;
/** Ticks after which what was owed through all of them is not going to come: half a second. */
const OVERDUE = 50;
/** Blocks that may wait when all that was late comes at once: beyond, the oldest are not worth hearing. */
const FULL = 50;
/** Ticks without a lack after which half of what was never needed is given up: two seconds. */
const CALM = 200;

export class PlayQueue {
  #blocks: Int16Array[] = [];
  /** Samples of the first block that are played. */
  #read = 0;
  #level = 0;
  /** Blocks asked for that have not come. */
  #owed = 0;
  /** The least that was owed lately, and since how many ticks that is watched. */
  #leastOwed = Number.POSITIVE_INFINITY;
  #watched = 0;
  #target = FIRST;
  #lacked = 0;
  /** The last tick lacked something. */
  #lacking = false;
  #least = Number.POSITIVE_INFINITY;
  #calm = 0;
  /** The last sample played, from which a lack fades out, and how far a fade is. */
  #held = 0;
  #fadeOut = 0;
  #fadeIn = 0;
  #started = false;

  /** Samples that wait. */
  get level(): number {
    return this.#level;
  }

  push(block: Int16Array): void {
    this.#owed = Math.max(0, this.#owed - 1);
    this.#leastOwed = Math.min(this.#leastOwed, this.#owed);
    this.#blocks.push(block);
    this.#level += block.length;
    while (this.#blocks.length > FULL) {
      this.#level -= (this.#blocks.shift()?.length ?? 0) - this.#read;
      this.#read = 0;
    }
  }

  /** Adds the next samples, -1 to 1, to `out` from `offset` on, and gives them alone. */
  pull(count: number, out: Float32Array, offset: number): void {
    for (let index = 0; index < count; index++) out[offset + index] = this.#next();
    this.#least = Math.min(this.#least, this.#level);
  }

  /** What to tell Rust once in a block's time: how many blocks are wanted, and how many samples were missing. */
  account(): { wanted: number; waiting: number; lacked: number } {
    const lacked = this.#lacked;
    this.#lacked = 0;
    if (lacked > 0) {
      // However long it lasts: what stops the whole page for a second cannot be waited for.
      if (!this.#lacking) this.#target = Math.min(MOST, this.#target + 1);
      this.#watchAnew();
    } else if (++this.#calm >= CALM) {
      const spare = Math.ceil((this.#least / BLOCK - 1) / 2);
      this.#target = Math.max(LEAST, this.#target - Math.max(0, spare));
      this.#watchAnew();
    }
    this.#lacking = lacked > 0;
    this.#forgive();
    const missing = this.#target - this.#owed - this.#level / BLOCK;
    const wanted = Math.max(0, Math.min(MOST, Math.ceil(missing)));
    this.#owed += wanted;
    return { wanted, waiting: this.#level, lacked };
  }

  /** A tick, or its answer, that was given up on the way must not be waited for: the voice would be silent for ever. */
  #forgive(): void {
    this.#leastOwed = Math.min(this.#leastOwed, this.#owed);
    if (++this.#watched < OVERDUE) return;
    this.#owed -= this.#leastOwed;
    this.#watched = 0;
    this.#leastOwed = Number.POSITIVE_INFINITY;
  }

  #next(): number {
    const block = this.#blocks[0];
    if (!block) return this.#lack();
    const sample = (block[this.#read++] ?? 0) / 32768;
    this.#level--;
    if (this.#read >= block.length) {
      this.#blocks.shift();
      this.#read = 0;
    }
    this.#started = true;
    this.#fadeOut = FADE;
    this.#held = sample;
    if (this.#fadeIn > 0) return sample * (1 - this.#fadeIn-- / FADE);
    return sample;
  }

  #lack(): number {
    if (!this.#started) return 0;
    this.#lacked++;
    this.#fadeIn = FADE;
    return this.#fadeOut > 0 ? (this.#held * this.#fadeOut--) / FADE : 0;
  }

  #watchAnew(): void {
    this.#calm = 0;
    this.#least = Number.POSITIVE_INFINITY;
  }
}
