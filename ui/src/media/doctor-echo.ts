/** Measures loudness for the doctor's ear, while somebody looks. */
import { Ear, type Heard, type Moment, TICK_MS } from "../core/doctor/ear";
import { latest } from "../core/doctor/echo";
import type { Host } from "../core/ports";
import type { MediaInsight } from "./web-rtc-media";

/** `tell` is called once a second with all that is known, by the keys of links, until the signal is aborted. */
export function listenForEcho(
  media: MediaInsight,
  echoLeaves: Host["echoLeaves"],
  tell: (heard: Heard) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  let ear = new Ear();
  let known = NOTHING;
  let { microphone } = media;
  const gauge = new Gauge(media, echoLeaves === "track", (moment) => ear.hear(moment));
  const measure = setInterval(() => {
    if (media.microphone !== microphone) {
      // Another one stands elsewhere.
      microphone = media.microphone;
      ear = new Ear();
      known = NOTHING;
    }
    gauge.measure();
  }, TICK_MS);
  const report = setInterval(() => {
    known = together(known, ear.heard(), media);
    tell(known);
  }, REPORT_MS);
  signal.addEventListener("abort", () => {
    clearInterval(measure);
    clearInterval(report);
  });
}

const REPORT_MS = 1_000;
/** To ask for counters takes longer than to look at a level. */
const COUNT_MS = 50;
const NOBODY: ReadonlyMap<string, number> = new Map();
const NOTHING: Heard = { own: null, others: new Map() };

interface Counted {
  readonly at: number;
  readonly heard: number;
  readonly sent: number;
}

/**
 * Where echo has left the microphone's track already, that is looked at, and how loud each packet is that comes. Elsewhere
 * the energies are that getStats counts: only they are of what is sent.
 */
class Gauge {
  /** Whether the others were ever heard packet by packet: who is muted is not. */
  private tellsPackets = false;
  private counting = false;
  private counted = new Map<string, Counted>();
  private countedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly media: MediaInsight,
    private readonly byTrack: boolean,
    private readonly hear: (moment: Moment) => void,
  ) {}

  measure(): void {
    const at = performance.now();
    const others = this.byTrack ? this.playing() : NOBODY;
    this.tellsPackets ||= others.size > 0;
    if (this.tellsPackets) {
      this.hear({ at, own: this.media.loudness(), others });
    } else if (!this.counting && at - this.countedAt >= COUNT_MS) {
      this.counting = true;
      this.countedAt = at;
      this.count()
        .catch((error: unknown) => console.warn("loudness cannot be counted", error))
        .finally(() => {
          this.counting = false;
        });
    }
  }

  private playing(): ReadonlyMap<string, number> {
    return new Map(
      [...this.media.links()].flatMap(([key, link]) => {
        const level = link.playing();
        return level === null ? [] : [[key, level] as const];
      }),
    );
  }

  private async count(): Promise<void> {
    const links = [...this.media.links()];
    const stats = await Promise.all(links.map(async ([key, link]) => [key, await link.read()] as const));
    const at = performance.now();
    const before = this.counted;
    this.counted = new Map(
      stats.map(([key, { audioEnergy, sentEnergy }]) => [key, { at, heard: audioEnergy, sent: sentEnergy }]),
    );
    const others = new Map<string, number>();
    let own: number | null = null;
    for (const [key, now] of this.counted) {
      const then = before.get(key);
      if (then === undefined) continue;
      const amplitude = (of: "heard" | "sent") =>
        Math.sqrt(Math.max(0, now[of] - then[of]) / ((now.at - then.at) / 1000));
      others.set(key, amplitude("heard"));
      own = Math.max(own ?? 0, amplitude("sent"));
    }
    if (others.size > 0) this.hear({ at, own: this.media.microphone?.enabled ? own : null, others });
  }
}

function together(before: Heard, now: Heard, media: MediaInsight): Heard {
  const others = new Map([...before.others].filter(([key]) => media.links().has(key)));
  for (const [key, heard] of now.others) others.set(key, latest(others.get(key), heard));
  return { own: now.own === null ? before.own : latest(before.own, now.own), others };
}
