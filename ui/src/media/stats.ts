/** What getStats says, in the few numbers that we use. Names are those of W3C WebRTC Statistics. */

/** Totals since the peer connection was made. */
export interface LinkStats {
  readonly framesDecoded: number;
  readonly framesEncoded: number;
  /** Of all that was received, as `totalAudioEnergy` counts it. */
  readonly audioEnergy: number;
  /** Of the microphone, counted likewise, after echo and noise were taken out. */
  readonly sentEnergy: number;
  /** The latest, 0 to 1. */
  readonly audioLevel: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Null while unknown. */
  readonly rttMs: number | null;
}

export const NO_STATS: LinkStats = {
  framesDecoded: 0,
  framesEncoded: 0,
  audioEnergy: 0,
  sentEnergy: 0,
  audioLevel: 0,
  packetsReceived: 0,
  packetsLost: 0,
  rttMs: null,
};

/** Anything with `forEach` over stats objects: an `RTCStatsReport`, or a Map that looks like one. */
export interface Report {
  forEach(visit: (stats: Readonly<Record<string, unknown>>) => void): void;
}

export function readStats(report: Report): LinkStats {
  let total: LinkStats = NO_STATS;
  report.forEach((stats) => {
    if (stats.type === "inbound-rtp") {
      total = {
        ...total,
        framesDecoded: total.framesDecoded + number(stats.framesDecoded),
        audioEnergy: total.audioEnergy + number(stats.totalAudioEnergy),
        audioLevel: Math.max(total.audioLevel, number(stats.audioLevel)),
        packetsReceived: total.packetsReceived + number(stats.packetsReceived),
        packetsLost: total.packetsLost + Math.max(0, number(stats.packetsLost)),
      };
    } else if (stats.type === "outbound-rtp") {
      total = { ...total, framesEncoded: total.framesEncoded + number(stats.framesEncoded) };
    } else if (stats.type === "media-source") {
      total = { ...total, sentEnergy: total.sentEnergy + number(stats.totalAudioEnergy) };
    } else if (stats.type === "candidate-pair" && stats.nominated === true && stats.state === "succeeded") {
      const { currentRoundTripTime } = stats;
      if (typeof currentRoundTripTime === "number") total = { ...total, rttMs: currentRoundTripTime * 1000 };
    }
  });
  return total;
}

/** Of the packets that were due between two samples, the part that was lost; null when none were due. */
export function lossBetween(before: LinkStats, after: LinkStats): number | null {
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  const due = lost + Math.max(0, after.packetsReceived - before.packetsReceived);
  return due === 0 ? null : lost / due;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
