// How one encoder serves several receivers, and how large and how good its pictures may be. Pure.
import { fastest, fit, ROUGHLY, type Room, room, scaled } from "./level";
import type { Limits } from "./messages";

export interface Demand extends Limits {
  /** What congestion control allows this receiver, in bits per second; absent until it says something, 0: nothing. */
  target?: number;
}

/** Whether a receiver gets anything. */
export function flows({ active, target }: Demand): boolean {
  return active && target !== 0;
}

/** Why pictures are smaller or fewer than they could be (RTCQualityLimitationReason). */
export type Limitation = "none" | "cpu" | "bandwidth" | "other";

export interface Plan {
  bitrate: number;
  width: number;
  height: number;
  /** Frames per second at most, or 0 for whatever the source gives. */
  framerate: number;
  /** What all receivers take, if there is a bound, and how many of these pictures a second that is. */
  within: Room | undefined;
  most: number;
  /** The divisor that led to the size. */
  scale: number;
  limitation: Limitation;
}

const FLOOR = 60_000;
const LAYER_FLOOR = 30_000;
const CEILING = 2_500_000;
const STEPS = [1, 1.5, 2, 3, 4];
/** Bits per pixel: below the first a picture gets smaller, above the second it may grow again. */
const POOR = 0.03;
const RICH = 0.045;
const GOOD = 0.13;
/** Frames per second at most, by the number of steps of relief. */
const RELIEVED = [Number.POSITIVE_INFINITY, 20, 15, 10];
/** Frames per second that remain when there are too few bits even for the smallest pictures. */
const SLOWEST = 7;
/** Those of pictures that are read: they come slower before they get smaller. */
const SLOWEST_DETAILED = 5;

/** Whether fewer pictures do less harm than smaller ones: as those prefer who are sent them, else as the source is. */
export function isDetailed(demands: Iterable<Demand>, source: boolean): boolean {
  const wishes = [...demands].filter(flows).flatMap(({ detailed }) => detailed ?? []);
  return wishes.length > 0 ? wishes.every(Boolean) : source;
}

/** Bits per second beyond which this receiver's pictures would not get better. */
export function useful(demand: Demand, width: number, height: number, rate: number): number {
  if (!demand.active) return 0;
  const asked = Math.max(1, demand.scaleResolutionDownBy ?? 1);
  const frames = Math.min(Math.max(rate, 15), demand.maxFramerate || Number.POSITIVE_INFINITY);
  const within = room(demand.h264);
  const scale = fit(within, width, height, asked, frames);
  const most = fastest(within, scaled(width, height, scale));
  const good = ((width * height) / (scale * scale)) * Math.min(frames, most) * GOOD;
  return Math.round(Math.min(CEILING, good, demand.maxBitrate ?? CEILING));
}

/**
 * The encoder's plan for frames of `width` x `height` at about `rate` frames per second. The weakest receiver sets the
 * bitrate for all. `former` is the divisor in use (hysteresis), `relief` the number of steps to go below what the
 * bitrate alone would allow, because the processor or the socket cannot follow. `detailed` pictures are read: fewer of
 * them do less harm than smaller ones.
 */
export function plan(
  demands: Iterable<Demand>,
  width: number,
  height: number,
  rate: number,
  former: number,
  relief = 0,
  detailed = false,
): Plan {
  let bitrate = Math.min(CEILING, width * height * Math.max(rate, 15) * GOOD);
  let framerate = 0;
  let asked = 1;
  let congested = false;
  let within: Room | undefined;
  for (const demand of demands) {
    if (!flows(demand)) continue;
    within = room(demand.h264, within);
    congested ||= demand.target !== undefined && demand.target < useful(demand, width, height, rate);
    bitrate = Math.min(bitrate, demand.target ?? bitrate, demand.maxBitrate ?? bitrate);
    if (demand.maxFramerate)
      framerate = framerate ? Math.min(framerate, demand.maxFramerate) : demand.maxFramerate;
    asked = Math.max(asked, demand.scaleResolutionDownBy ?? 1);
  }
  const relieved = framesUnder(relief);
  const fewer = relieved < (framerate || rate);
  if (fewer) framerate = relieved;
  const least = fit(within, width, height, asked, Math.min(rate, framerate || rate), detailed);
  const confined = least > asked;
  if (confined) {
    asked = least;
    bitrate = Math.min(bitrate, ((width * height) / asked ** 2) * Math.max(rate, 15) * GOOD);
  }
  const possible = fastest(within, scaled(width, height, asked));
  const slower = possible * ROUGHLY < Math.min(rate, framerate || rate);
  if (slower) framerate = possible;
  bitrate = Math.round(Math.max(bitrate, FLOOR));
  const frames = Math.min(Math.max(rate, 1), framerate || Number.POSITIVE_INFINITY);
  const density = (step: number, per: number) => bitrate / ((width * height * per) / (step * step));
  const slowest = detailed ? Math.min(frames, SLOWEST_DETAILED) : frames;
  let index = STEPS.findIndex((step) => density(step, slowest) >= (step < former ? RICH : POOR));
  if (index < 0) index = STEPS.length - 1;
  const shrink = detailed ? 0 : relief;
  const smaller = shrink > 0 && index < STEPS.length - 1;
  const step = STEPS[Math.min(index + shrink, STEPS.length - 1)] ?? 1;
  // What is left to do is fewer.
  const share = density(Math.max(step, asked), frames) / POOR;
  const floor = detailed ? SLOWEST_DETAILED : SLOWEST;
  if (share < 1) framerate = Math.max(floor, Math.round(Math.min(rate, framerate || rate) * share));
  const scale = Math.max(step, asked);
  let limitation: Limitation = "none";
  if (fewer || smaller) limitation = "cpu";
  else if (index > 0 || share < 1) limitation = congested ? "bandwidth" : "other";
  else if (confined || slower) limitation = "other";
  const size = scaled(width, height, scale);
  return { bitrate, framerate, within, most: fastest(within, size), scale: step, ...size, limitation };
}

/**
 * The plan for a layer of a simulcast. Its size is what the page asked for: where there are too few bits for it, a
 * smaller layer takes its place.
 */
export function planLayer(
  demands: Iterable<Demand>,
  width: number,
  height: number,
  rate: number,
  relief = 0,
): Plan {
  let bitrate = CEILING;
  let framerate = 0;
  let asked = 1;
  let within: Room | undefined;
  for (const demand of demands) {
    if (!flows(demand)) continue;
    within = room(demand.h264, within);
    bitrate = Math.min(bitrate, useful(demand, width, height, rate), demand.target ?? CEILING);
    if (demand.maxFramerate)
      framerate = framerate ? Math.min(framerate, demand.maxFramerate) : demand.maxFramerate;
    asked = Math.max(asked, demand.scaleResolutionDownBy ?? 1);
  }
  let limitation: Limitation = "none";
  const relieved = framesUnder(relief);
  if (relieved < (framerate || rate)) {
    framerate = relieved;
    limitation = "cpu";
  }
  bitrate = Math.max(bitrate, LAYER_FLOOR);
  const scale = fit(within, width, height, asked, Math.min(rate, framerate || rate));
  const size = scaled(width, height, scale);
  const most = fastest(within, size);
  const slower = most * ROUGHLY < Math.min(rate, framerate || rate);
  if (slower) framerate = most;
  if (limitation === "none" && (slower || scale > asked)) limitation = "other";
  const frames = Math.min(rate, framerate || rate);
  const share = bitrate / (size.width * size.height * Math.max(frames, 1)) / POOR;
  if (share < 1) {
    framerate = Math.max(SLOWEST, Math.round(frames * share));
    if (limitation !== "cpu") limitation = "bandwidth";
  }
  return { bitrate, framerate, within, most, scale: 1, ...size, limitation };
}

/** Frames per second at most where `relief` steps of it are needed. */
export function framesUnder(relief: number): number {
  return RELIEVED[Math.min(relief, RELIEVED.length - 1)] ?? Number.POSITIVE_INFINITY;
}

/** Whether going from `former` to `next` is worth a reconfiguration: another size costs a key frame, a bitrate little. */
export function worthwhile(former: Plan, next: Plan): boolean {
  if (former.within?.level !== next.within?.level) return true;
  if (former.width !== next.width || former.height !== next.height) return true;
  const ratio = next.bitrate / former.bitrate;
  return ratio < 0.93 || ratio > 1.07;
}
