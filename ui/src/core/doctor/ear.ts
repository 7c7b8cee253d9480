/**
 * Listens for echo in a call, and plays nothing for it: either the loudness of our microphone follows that of the others,
 * since it hears our speaker; or that of one of the others follows ours, since their microphone hears theirs.
 */
import { compare, type EchoHeard, lineOf } from "./likeness";

/** How often to measure, in milliseconds. */
export const TICK_MS = 25;

export interface Moment {
  /** Milliseconds of any clock. */
  readonly at: number;
  /** Amplitude of what the microphone sends, 0 to 1; null while it sends nothing. */
  readonly own: number | null;
  /** Amplitudes of what plays of the others, by any key. */
  readonly others: ReadonlyMap<string, number>;
}

export interface Heard {
  /** The others in our microphone; null where it was off all the time, or nobody else was there. */
  readonly own: EchoHeard | null;
  /** Our voice in what comes of each of the others. */
  readonly others: ReadonlyMap<string, EchoHeard>;
}

export class Ear {
  /** Without gaps in their numbers. */
  private bins: Bin[] = [];
  private open: Bin | null = null;

  hear({ at, own, others }: Moment): void {
    const nth = Math.floor(at / BIN_MS);
    if (this.open?.nth !== nth) {
      this.close();
      this.open = newBin(nth);
    }
    if (own !== null) this.open.own = plus(this.open.own, own);
    for (const [key, level] of others) this.open.others.set(key, plus(this.open.others.get(key), level));
  }

  /** Of the last half minute. */
  heard(): Heard {
    const keys = new Set(this.bins.flatMap(({ others }) => [...others.keys()]));
    const first = this.bins[0]?.nth ?? 0;
    const line = (power: (bin: Bin) => number | null) => lineOf(first, this.bins.map(power));
    const own = line((bin) => mean(bin.own));
    // The speaker plays all of them at once.
    const all = line(({ others }) => {
      const powers = [...others.values()].flatMap((power) => mean(power) ?? []);
      return powers.length === 0 ? null : powers.reduce((sum, power) => sum + power, 0);
    });
    const both = keys.size > 0 && this.bins.some((bin) => bin.own !== undefined);
    return {
      own: both ? compare(all, own, OWN_DELAYS) : null,
      others: new Map(
        [...keys].map((key) => [
          key,
          compare(
            own,
            line(({ others }) => mean(others.get(key))),
            THEIR_DELAYS,
          ),
        ]),
      ),
    };
  }

  private close(): void {
    if (this.open === null) return;
    const { nth } = this.open;
    const next = (this.bins.at(-1)?.nth ?? nth - 1) + 1;
    // A clock that went back, or a page that slept: what was before has nothing to do with what comes.
    if (nth < next || nth - next >= KEPT) this.bins = [];
    else for (let gap = next; gap < nth; gap += 1) this.bins.push(newBin(gap));
    this.bins.push(this.open);
    this.bins.splice(0, this.bins.length - KEPT);
  }
}

/** Short beside a syllable, long beside the lateness of a timer; in milliseconds. */
export const BIN_MS = 50;
/** Thirty seconds of them. */
const KEPT = 600;
/** In bins. From our speaker to our microphone it is a matter of sound cards and of the room. */
const OWN_DELAYS = { least: 0, most: 12 };
/** To somebody and back, with all that is held back on both ways so that it plays evenly. */
const THEIR_DELAYS = { least: 1, most: 30 };

/** Squared amplitudes. */
interface Power {
  readonly sum: number;
  readonly count: number;
}

interface Bin {
  readonly nth: number;
  own: Power | undefined;
  readonly others: Map<string, Power>;
}

function newBin(nth: number): Bin {
  return { nth, own: undefined, others: new Map() };
}

function plus(power: Power | undefined, amplitude: number): Power {
  return { sum: (power?.sum ?? 0) + amplitude * amplitude, count: (power?.count ?? 0) + 1 };
}

function mean(power: Power | undefined): number | null {
  return power === undefined ? null : power.sum / power.count;
}
