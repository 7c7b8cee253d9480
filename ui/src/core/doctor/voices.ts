/** Loudness of voices and rooms that are made up from a seed: what the tests of the ear listen to. */
import { type Ear, TICK_MS } from "./ear";

/** Amplitudes of 0 to 1, one for each step. */
export type Loudness = Float64Array;

export const STEP_MS = 10;

/** Numbers of 0 to 1 (mulberry32). */
export function dice(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Somebody who talks: phrases of syllables, with pauses between them. `talks` is the part of the time that is talked. */
export function voice(seed: number, seconds: number, { peak = 0.12, talks = 0.75 } = {}): Loudness {
  const roll = dice(seed);
  const between = (least: number, most: number) => least + roll() * (most - least);
  const loudness = new Float64Array(Math.round((seconds * 1000) / STEP_MS));
  let at = Math.round(between(0, 800) / STEP_MS);
  while (at < loudness.length) {
    const phrase = between(900, 3_500) / STEP_MS;
    const pace = between(0.8, 1.3);
    for (const end = Math.min(loudness.length, at + phrase); at < end; ) {
      const length = Math.round((pace * between(110, 300)) / STEP_MS);
      const loud = peak * 10 ** (between(-14, 0) / 20);
      const attack = between(0.15, 0.4);
      for (let i = 0; i < length && at + i < loudness.length; i += 1) {
        const part = i / length;
        const shape = part < attack ? part / attack : (1 - part) / (1 - attack);
        loudness[at + i] = loud * (0.06 + 0.94 * shape) * 10 ** (between(-2, 2) / 20);
      }
      at += length + Math.round((roll() < 0.25 ? between(30, 120) : 0) / STEP_MS);
    }
    at += Math.round((phrase * STEP_MS * (1 / talks - 1) * between(0.5, 1.5)) / STEP_MS);
  }
  return loudness;
}

/** What a microphone hears of `sound`, late and weaker, and after it what the walls give back. `steady` 0: in fits, as cancellers leave it. */
export function echoOf(
  sound: Loudness,
  { delayMs, gain, reverbMs = 300, steady = 1, seed = 1 }: EchoPath,
): Loudness {
  const roll = dice(seed);
  const late = Math.round(delayMs / STEP_MS);
  // Sixty decibels in `reverbMs`.
  const stays = reverbMs === 0 ? 0 : 10 ** ((-6 * STEP_MS) / reverbMs);
  const echo = new Float64Array(sound.length);
  let [room, fit] = [0, 1];
  for (let i = 0; i < echo.length; i += 1) {
    if (i % 12 === 0) fit = steady + (1 - steady) * roll();
    room = stays * room + (1 - stays) * (gain * (sound[i - late] ?? 0)) ** 2;
    echo[i] = fit * Math.sqrt(room);
  }
  return echo;
}

export interface EchoPath {
  readonly delayMs: number;
  readonly gain: number;
  readonly reverbMs?: number;
  readonly steady?: number;
  readonly seed?: number;
}

/** Several sounds at once, over the hiss of a device. */
export function together(hiss: number, seed: number, ...sounds: readonly Loudness[]): Loudness {
  const roll = dice(seed);
  const mix = new Float64Array(Math.max(...sounds.map(({ length }) => length)));
  for (let i = 0; i < mix.length; i += 1) {
    let power = (hiss * (0.7 + 0.6 * roll())) ** 2;
    for (const sound of sounds) power += (sound[i] ?? 0) ** 2;
    mix[i] = Math.min(1, Math.sqrt(power));
  }
  return mix;
}

/**
 * As a page measures, when its timer gets around to it. By default what is loud just then, that of others in whole decibels;
 * `counted`: all that was since the last time, as counters of energy have it.
 */
export function listen(
  ear: Ear,
  own: Loudness | null,
  others: ReadonlyMap<string, Loudness>,
  { seed = 1, from = 0, lateMs = 15, counted = false } = {},
): number {
  const roll = dice(seed);
  const every = counted ? 2 * TICK_MS : TICK_MS;
  const length = Math.max(own?.length ?? 0, ...[...others.values()].map((sound) => sound.length));
  let last = 0;
  for (let [due, at] = [every, 0]; ; due += every) {
    at = Math.max(at, due + roll() * lateMs);
    const step = Math.floor(at / STEP_MS);
    if (step >= length) return from + due;
    const since = counted ? Math.min(last, step - 1) : step - 2;
    const read = (sound: Loudness) => loudnessBetween(sound, Math.max(0, since), step);
    const levels = [...others].map(([key, sound]) => [key, read(sound)] as const);
    ear.hear({
      at: from + at,
      own: own === null ? null : read(own),
      others: new Map(counted ? levels : levels.map(([key, level]) => [key, wholeDecibels(level)])),
    });
    last = step;
  }
}

function loudnessBetween(sound: Loudness, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i += 1) sum += (sound[i] ?? 0) ** 2;
  return Math.sqrt(sum / Math.max(1, to - from));
}

function wholeDecibels(amplitude: number): number {
  return amplitude < 10 ** (-127 / 20) ? 0 : 10 ** (Math.round(20 * Math.log10(amplitude)) / 20);
}
