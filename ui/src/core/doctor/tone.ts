/** How much of one pitch is in a stretch of sound: the Goertzel algorithm, which is one bin of a Fourier transform. */

/** The amplitude of a sine of `hz` in `samples`, 0 to 1. Exact where the stretch holds whole periods, near it elsewhere. */
export function toneLevel(samples: ArrayLike<number>, sampleRate: number, hz: number): number {
  const { length } = samples;
  if (length === 0) return 0;
  const turn = (2 * Math.PI * hz) / sampleRate;
  const twice = 2 * Math.cos(turn);
  let [last, before] = [0, 0];
  for (let i = 0; i < length; i += 1) {
    // A window (Hann), so that a loud voice beside the pitch does not leak into it.
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
    const next = (samples[i] ?? 0) * window + twice * last - before;
    before = last;
    last = next;
  }
  const power = last * last + before * before - twice * last * before;
  // The window halves what a sine of amplitude 1 would give.
  return (4 * Math.sqrt(Math.max(0, power))) / length;
}

export function peakOf(samples: ArrayLike<number>): number {
  let peak = 0;
  for (let i = 0; i < samples.length; i += 1) peak = Math.max(peak, Math.abs(samples[i] ?? 0));
  return peak;
}

/** Of several measurements the one in the middle, which a door that slams does not move. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
