// Makes an encoder keep to a bitrate. WebKitGTK 2.50's VP8 encoder was measured to make 11 to 27 times the bits that were
// asked for, as if each frame lasted a second. What comes out is measured, and what is asked for corrected; an encoder
// that does as told is left alone. Pure.

import type { VideoCodecName } from "../wire";

/** What is asked for at first, as a share of what is wanted: too little for a moment is better than far too much. */
const START: Record<VideoCodecName, number> = { VP8: 0.1, VP9: 1, H264: 0.5 };
const LEAST = 1 / 150;
/** Milliseconds, and frames, over which the output is judged. */
const PERIOD = 250;
const FRAMES = 5;
/** Shares of the wanted bitrate between which all is well. */
const LITTLE = 0.8;
const MUCH = 1.1;

export class RateControl {
  #share: number;
  /** The largest share at which the encoder would make too much, once that is known. */
  #ceiling = 1;
  #bits = 0;
  #frames = 0;
  #since = 0;
  /** What was asked for, and came, when it was judged last: bits per second, and per frame. */
  #former = { asked: 0, made: 0 };
  /** Bits of a frame whose pictures are as coarse as the encoder can make them. */
  #floor = 0;

  constructor(codec: VideoCodecName) {
    this.#share = START[codec];
  }

  /** The bitrate to configure for a wanted one. */
  bitrate(wanted: number): number {
    return Math.max(1000, Math.round(wanted * this.#share));
  }

  /** A frame came out. Key frames are as large as they are. */
  made(bytes: number, key: boolean): void {
    if (key) return;
    this.#bits += bytes * 8;
    this.#frames++;
  }

  /** Compares what came out with what was wanted, at `framerate` frames a second; true if `bitrate` is another now. */
  judge(wanted: number, framerate: number, now: number): boolean {
    if (now - this.#since < PERIOD || this.#frames < FRAMES) return false;
    const made = this.#bits / this.#frames;
    const asked = wanted * this.#share;
    const former = this.#former;
    this.#former = { asked, made };
    const ratio = (made * Math.max(framerate, 1)) / wanted;
    if (asked < former.asked * 0.85 && made > former.made * 0.9) this.#floor = made;
    this.#since = now;
    this.#bits = 0;
    this.#frames = 0;
    const before = this.#share;
    if (ratio > MUCH && made < this.#floor * 1.15) return false;
    this.#floor = 0;
    if (ratio > MUCH) {
      // A still picture says little about what a moving one takes: believe in no more than twice of what was too much.
      this.#share = Math.max(LEAST, before / Math.min(ratio, 10));
      this.#ceiling = Math.min(1, this.#share * 2);
    } else if (ratio < LITTLE) {
      this.#share = Math.min(this.#ceiling, before * Math.min(1 / Math.max(ratio, 0.01), 1.5));
    }
    return Math.abs(this.#share / before - 1) > 0.03;
  }
}
