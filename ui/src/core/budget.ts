/**
 * What of its own picture a page sends to each of the others. In a mesh everybody uploads to everybody, and everybody
 * decodes and paints everybody: the more there are, the smaller the tiles, and the less each of them may cost.
 */

/** Caps, not targets: congestion control stays below them where the way is narrower. */
export interface VideoBudget {
  /** Bits per second. */
  readonly maxBitrate: number;
  /** Frames per second. */
  readonly maxFramerate: number;
  /** The divisor of width and height. */
  readonly scaleResolutionDownBy: number;
}

/** Bits per second for all pictures that leave the page, what most homes can upload beside other things. */
const UPLOAD = 3_000_000;
/** Beyond this one picture of a camera does not get better. */
const BEST = 2_500_000;
/** Below this nothing of a face is left. */
const LEAST = 100_000;

/** `others`: the links that carry the picture now. */
export function budgetFor(others: number): VideoBudget {
  const maxBitrate = Math.max(LEAST, Math.min(BEST, Math.floor(UPLOAD / Math.max(1, others))));
  if (others <= 1) return { maxBitrate, maxFramerate: 30, scaleResolutionDownBy: 1 };
  if (others === 2) return { maxBitrate, maxFramerate: 24, scaleResolutionDownBy: 1 };
  if (others <= 4) return { maxBitrate, maxFramerate: 20, scaleResolutionDownBy: 1.5 };
  return { maxBitrate, maxFramerate: 15, scaleResolutionDownBy: 2 };
}
