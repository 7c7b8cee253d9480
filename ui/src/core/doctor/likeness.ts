/**
 * Whether one sound comes back in another, told from their loudness alone. In blocks of two seconds in which the first one
 * speaks, the rise and fall of syllables in both are compared: at every delay that an echo can have, and at delays that none
 * can have. Sounds that repeat, and people who happen to talk alike, are as much alike there.
 */

/** Loudness over time, in steps of 50 ms. */
export interface Line {
  /** The number of its first step: lines with the same clock may begin at different times. */
  readonly first: number;
  /** Decibels of full scale; NaN where nothing is known. */
  readonly db: Float64Array;
  /** The same without all that changes more slowly than syllables. */
  readonly shape: Float64Array;
}

/** What was found out about one possible echo. */
export interface EchoHeard {
  /** Milliseconds in which somebody spoke and both could be compared. */
  readonly comparedMs: number;
  /** Those of them in which nothing loud came back. */
  readonly quietMs: number;
  /** How much alike the two are at `delayMs`, -1 to 1. */
  readonly likeness: number;
  /** The most of it at any delay that no echo has. */
  readonly chance: number;
  readonly delayMs: number;
}

/** In steps. */
export interface Delays {
  readonly least: number;
  readonly most: number;
}

/** `powers`: squared amplitudes by step; null where nothing is known. */
export function lineOf(first: number, powers: readonly (number | null)[]): Line {
  const db = Float64Array.from(powers, (power) =>
    power === null ? Number.NaN : 10 * Math.log10(power + FLOOR),
  );
  bridge(db);
  return { first, db, shape: shapeOf(db) };
}

/** Looks for `source` in `sink`. */
export function compare(source: Line, sink: Line, { least, most }: Delays): EchoHeard {
  const delays = [...steps(least, most), ...steps(FAR.least, FAR.most), ...steps(-FAR.most, -FAR.least)];
  const found = delays.map((delay) => ({ delay, values: [] as number[] }));
  const shift = source.first - sink.first;
  let [compared, quiet] = [0, 0];
  // By their numbers, so that a block is the same one each time that somebody looks.
  for (let at = (BLOCK - (source.first % BLOCK)) % BLOCK; at + BLOCK <= source.db.length; at += BLOCK) {
    const near = [least, most].map((delay) => alike(source, at, sink, at + shift + delay));
    if (!isSpeech(source, at) || near.some(Number.isNaN)) continue;
    compared += 1;
    if (!isLoud(sink, at + shift)) quiet += 1;
    for (const { delay, values } of found) {
      const value = alike(source, at, sink, at + shift + delay);
      if (!Number.isNaN(value)) values.push(value);
    }
  }
  const blockMs = BLOCK * STEP_MS;
  const measured = found.map(({ delay, values }) => ({ delay, value: upperMean(values) }));
  const possible = measured.filter(({ delay }) => delay >= least && delay <= most);
  const best = possible.reduce((one, other) => (other.value > one.value ? other : one));
  const others = measured.filter((one) => !possible.includes(one));
  return {
    comparedMs: compared * blockMs,
    quietMs: quiet * blockMs,
    likeness: hundredths(best.value),
    chance: hundredths(Math.max(...others.map(({ value }) => value))),
    delayMs: best.delay * STEP_MS,
  };
}

const STEP_MS = 50;
/** Steps of a block. */
const BLOCK = 40;
/** Delays longer than that of any echo, either way. */
const FAR: Delays = { least: 36, most: 66 };
/** The power of -60 dB: below it everything is silence. */
const FLOOR = 1e-6;
/** Decibels above which somebody speaks, and the part of a block in which they have to. */
const LOUD = -45;
const OFTEN = 0.35;
/** Decibels (standard deviation) by which speech rises and falls at least, and what counts as any change at all. */
const LIVELY = 3;
const STILL = 1.5;
/** Steps to each side over which a mean is taken: what is slower is not syllables. */
const AROUND = 10;
/** Steps that a late timer may leave out. */
const BRIDGED = 3;

function isLoud({ db }: Line, at: number): boolean {
  let loud = 0;
  for (let i = at; i < at + BLOCK; i += 1) if ((db[i] ?? Number.NaN) > LOUD) loud += 1;
  return loud >= OFTEN * BLOCK;
}

/** A tone, or a level that was measured once and never again, is loud too. */
function isSpeech(line: Line, at: number): boolean {
  return isLoud(line, at) && spread(line.shape, at) >= LIVELY;
}

/** In one of the halves one may have talked oneself: this is the mean of the other one. */
function upperMean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const upper = [...values].sort((one, other) => other - one).slice(0, Math.ceil(values.length / 2));
  return upper.reduce((sum, value) => sum + value, 0) / upper.length;
}

/** The correlation of two blocks, -1 to 1; NaN where one of them is not known throughout. */
function alike(source: Line, at: number, sink: Line, from: number): number {
  if (from < 0 || from + BLOCK > sink.shape.length) return Number.NaN;
  let [xs, ys, xx, yy, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < BLOCK; i += 1) {
    const x = source.shape[at + i] ?? Number.NaN;
    const y = sink.shape[from + i] ?? Number.NaN;
    xs += x;
    ys += y;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  const [ofX, ofY] = [xx - (xs * xs) / BLOCK, yy - (ys * ys) / BLOCK];
  // What hardly changes is like nothing.
  if (ofX < BLOCK * STILL ** 2 || ofY < BLOCK * STILL ** 2) return 0;
  return (xy - (xs * ys) / BLOCK) / Math.sqrt(ofX * ofY);
}

/** The standard deviation over a block. */
function spread(values: Float64Array, at: number): number {
  let [sum, squares] = [0, 0];
  for (const value of values.subarray(at, at + BLOCK)) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(Math.max(0, squares - (sum * sum) / BLOCK) / BLOCK);
}

function shapeOf(db: Float64Array): Float64Array {
  return db.map((value, i) => {
    let [sum, count] = [0, 0];
    for (const near of db.subarray(Math.max(0, i - AROUND), i + AROUND + 1)) {
      if (Number.isNaN(near)) continue;
      sum += near;
      count += 1;
    }
    return value - sum / count;
  });
}

/** Straight across short gaps. */
function bridge(db: Float64Array): void {
  let last = -1;
  for (let i = 0; i < db.length; i += 1) {
    const here = db[i] ?? Number.NaN;
    if (Number.isNaN(here)) continue;
    const gap = i - last - 1;
    const before = db[last] ?? Number.NaN;
    if (gap <= BRIDGED)
      for (let j = 1; j <= gap; j += 1) db[last + j] = before + ((here - before) * j) / (gap + 1);
    last = i;
  }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function steps(least: number, most: number): number[] {
  return Array.from({ length: most - least + 1 }, (_, i) => least + i);
}
