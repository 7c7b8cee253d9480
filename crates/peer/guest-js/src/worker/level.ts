// What a level of H.264 leaves of a picture (ITU-T H.264, A.3.1 and table A-1). Pure.
import type { H264Level } from "../wire";
import type { Picture } from "./codecs";

/** `level_idc`, then macroblocks of a picture (MaxFS) and of a second (MaxMBPS), and bits per second (MaxBR). */
const LEVELS = [
  [10, 99, 1_485, 64_000],
  [11, 396, 3_000, 192_000],
  [12, 396, 6_000, 384_000],
  [13, 396, 11_880, 768_000],
  [20, 396, 11_880, 2_000_000],
  [21, 792, 19_800, 4_000_000],
  [22, 1_620, 20_250, 4_000_000],
  [30, 1_620, 40_500, 10_000_000],
  [31, 3_600, 108_000, 14_000_000],
  [32, 5_120, 216_000, 20_000_000],
  [40, 8_192, 245_760, 20_000_000],
  [41, 8_192, 245_760, 50_000_000],
  [42, 8_704, 522_240, 50_000_000],
  [50, 22_080, 589_824, 135_000_000],
  [51, 36_864, 983_040, 240_000_000],
  [52, 36_864, 2_073_600, 240_000_000],
  [60, 139_264, 4_177_920, 240_000_000],
  [61, 139_264, 8_355_840, 480_000_000],
  [62, 139_264, 16_711_680, 800_000_000],
] as const;

/** Pixels of a macroblock's side. */
const SIDE = 16;
/** Pictures a second for which smaller ones are no price: where more come, some are left out. Those that are read come slower. */
const SMOOTH = 30;
const READ = 5;
/** Frames per second are taken in steps: a source's rate is never the same twice, and another size costs a key frame. */
const STEP = 5;
/** They are measured no better than that. */
export const ROUGHLY = 1.05;

/** What all of some receivers take. */
export interface Room {
  level: number;
  fs: number;
  mbps: number;
}

/** What a receiver takes that has announced this, and one that takes `beside`. */
export function room(of: H264Level | undefined, beside?: Room): Room | undefined {
  if (!of) return beside;
  const [level, fs, mbps] = LEVELS.findLast(([number]) => number <= of.level) ?? LEVELS[0];
  const own = { level, fs: Math.max(fs, of.maxFs ?? 0), mbps: Math.max(mbps, of.maxMbps ?? 0) };
  if (!beside) return own;
  return {
    level: Math.min(own.level, beside.level),
    fs: Math.min(own.fs, beside.fs),
    mbps: Math.min(own.mbps, beside.mbps),
  };
}

/** The size, in even pixels, of a picture that is scaled down. */
export function scaled(width: number, height: number, scale: number): { width: number; height: number } {
  return { width: even(width / scale), height: even(height / scale) };
}

/**
 * By how much pictures that come `rate` times a second, and are to be scaled down by `asked` at least, have to be for what
 * there is room for.
 */
export function fit(
  within: Room | undefined,
  width: number,
  height: number,
  asked: number,
  rate: number,
  detailed = false,
): number {
  if (!within) return asked;
  const { fs, mbps } = within;
  const frames = Math.max(STEP, Math.round(Math.min(rate, detailed ? READ : SMOOTH) / STEP) * STEP);
  const longest = Math.floor(Math.sqrt(fs * 8));
  const fits = (scale: number) => {
    const { across, down } = macroblocks(scaled(width, height, scale));
    return Math.max(across, down) <= longest && across * down <= Math.min(fs, mbps / frames);
  };
  let scale = asked;
  while (!fits(scale) && scale < Math.max(width, height)) scale *= 1.001;
  return scale;
}

/** How many pictures of a size there is room for in a second. */
export function fastest(within: Room | undefined, size: { width: number; height: number }): number {
  const { across, down } = macroblocks(size);
  return within ? within.mbps / (across * down) : Number.POSITIVE_INFINITY;
}

/** The level that a stream is said to be of: that of who receives it, unless it is more than that has. */
export function announced(within: Room | undefined, picture: Picture, usual: number): number {
  const known = LEVELS.find(([level]) => level === within?.level);
  if (!known) return usual;
  const [level, fs, mbps, bits] = known;
  const { across, down } = macroblocks(picture);
  const { framerate, bitrate } = picture;
  const more = across * down > fs || across * down * framerate > mbps * ROUGHLY || bitrate > bits;
  return more ? usual : Math.min(level, usual);
}

function macroblocks({ width, height }: { width: number; height: number }): { across: number; down: number } {
  return { across: Math.ceil(width / SIDE), down: Math.ceil(height / SIDE) };
}

function even(length: number): number {
  return Math.max(2, Math.round(length / 2) * 2);
}
