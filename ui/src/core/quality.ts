/** How good a link is, and who speaks: judged from samples, calm enough not to flicker. */
import type { LinkSample } from "./ports";

export type Quality = "good" | "fair" | "poor";

export interface QualityTrend {
  readonly shown: Quality;
  /** What the last samples say instead, and how many of them in a row. */
  readonly next: Quality;
  readonly times: number;
}

export const STEADY: QualityTrend = { shown: "good", next: "good", times: 0 };

/** A verdict is shown once three seconds in a row agree on it. */
export function judge(trend: QualityTrend, sample: Pick<LinkSample, "rttMs" | "loss">): QualityTrend {
  const now = verdict(sample);
  if (now === trend.shown) return trend.times === 0 ? trend : { shown: now, next: now, times: 0 };
  const times = now === trend.next ? trend.times + 1 : 1;
  return times >= 3 ? { shown: now, next: now, times: 0 } : { shown: trend.shown, next: now, times };
}

function verdict({ rttMs, loss }: Pick<LinkSample, "rttMs" | "loss">): Quality {
  if ((loss ?? 0) > 0.1 || (rttMs ?? 0) > 600) return "poor";
  if ((loss ?? 0) > 0.03 || (rttMs ?? 0) > 300) return "fair";
  return "good";
}

export interface Voice {
  readonly speaking: boolean;
  /** Milliseconds since the epoch of the last loud moment. */
  readonly loudAt: number;
}

export const SILENT: Voice = { speaking: false, loudAt: 0 };

/** `level` is 0 to 1, as `audioLevel` of getStats. Pauses between words do not end a speech. */
export function hear(voice: Voice, level: number, now: number): Voice {
  if (level > 0.02) {
    // A whole object a tick only to move `loudAt` is cheap; the view sees nothing but `speaking`.
    return { speaking: true, loudAt: now };
  }
  return voice.speaking && now - voice.loudAt > 700 ? { speaking: false, loudAt: voice.loudAt } : voice;
}
