// RTCStatsReport, and the part of a report that concerns one sender or receiver.

// biome-ignore lint/suspicious/noExplicitAny: a report's entries have whatever members their type has.
export type Stats = { id: string; type: string; timestamp: number } & Record<string, any>;

let building = false;

/** Read like a Map, which is all that a page may do with it. */
export class StatsReport {
  declare [Symbol.iterator]: () => MapIterator<[string, Stats]>;
  #entries: Map<string, Stats>;

  constructor(entries: Iterable<Stats>) {
    if (!building) throw new TypeError("Illegal constructor");
    this.#entries = new Map([...entries].map((entry) => [entry.id, entry]));
  }

  get size(): number {
    return this.#entries.size;
  }
  entries(): MapIterator<[string, Stats]> {
    return this.#entries.entries();
  }
  forEach(callback: (value: Stats, key: string, report: StatsReport) => void, self?: unknown): void {
    for (const [id, entry] of this.#entries) callback.call(self, entry, id, this);
  }
  get(id: string): Stats | undefined {
    return this.#entries.get(id);
  }
  has(id: string): boolean {
    return this.#entries.has(id);
  }
  keys(): MapIterator<string> {
    return this.#entries.keys();
  }
  values(): MapIterator<Stats> {
    return this.#entries.values();
  }
}
Object.defineProperty(StatsReport.prototype, Symbol.iterator, {
  configurable: true,
  writable: true,
  enumerable: false,
  value: StatsReport.prototype.entries,
});

export function makeReport(entries: Iterable<Stats>): StatsReport {
  building = true;
  try {
    return new StatsReport(entries);
  } finally {
    building = false;
  }
}

/** Members that are times of this machine's, beside `timestamp`. */
const TIMES = ["lastPacketReceivedTimestamp", "lastPacketSentTimestamp"];

/**
 * Entries as Rust made them, by the clock of the page (`now`), which no change of the system's time concerns. What this
 * end knows is of now; what the remote told is as old as Rust says.
 */
export function byPageClock(entries: Stats[], now: number): Stats[] {
  const remote = ({ type }: Stats) => type.startsWith("remote-") && type.endsWith("-rtp");
  const made = entries.find((entry) => !remote(entry))?.timestamp ?? now;
  const moved = (time: number) => Math.min(now, time + now - made);
  return entries.map((entry) => {
    const next: Stats = { ...entry, timestamp: remote(entry) ? moved(entry.timestamp) : now };
    for (const member of TIMES) if (typeof entry[member] === "number") next[member] = moved(entry[member]);
    return next;
  });
}

/** The entries of the stream at `mid` on `side`, and all that they refer to (WebRTC 8.5). */
export function select(entries: Stats[], mid: string | null, side: "inbound-rtp" | "outbound-rtp"): Stats[] {
  const all = new Map(entries.map((entry) => [entry.id, entry]));
  const chosen = new Map<string, Stats>();
  const waiting = entries.filter((entry) => entry.type === side && entry.mid === mid);
  for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
    if (chosen.has(entry.id)) continue;
    chosen.set(entry.id, entry);
    for (const [member, value] of Object.entries(entry)) {
      const referred = member.endsWith("Id") && typeof value === "string" ? all.get(value) : undefined;
      if (referred) waiting.push(referred);
    }
  }
  return [...chosen.values()];
}
