/** Loss, delay, jitter and room of the way to the relay and back. Both ends are here, and so they share one clock. */
import type { PathFact } from "../core/doctor/facts";
import type { Loop } from "./doctor-loop";
import { pause } from "./doctor-pause";

/** As audio is sent, for two seconds. */
const PACKETS = 100;
const INTERVAL_MS = 20;
const BYTES = 160;
/** Past this a packet counts as lost. */
const LATE_MS = 1_500;

export async function measurePath(
  loop: Loop,
  signal: AbortSignal,
): Promise<Omit<PathFact, "transport" | "bitsPerSecond">> {
  const far = await loop.far;
  const tally = new Tally();
  far.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer && data.byteLength === BYTES) {
      const [sequence, sentAt] = new Float64Array(data, 0, 2);
      tally.heard(sequence ?? 0, sentAt ?? 0, performance.now());
    }
  };
  try {
    for (let sequence = 0; sequence < PACKETS; sequence += 1) {
      const packet = new ArrayBuffer(BYTES);
      new Float64Array(packet, 0, 2).set([sequence, performance.now()]);
      loop.near.send(packet);
      tally.sent += 1;
      await pause(INTERVAL_MS, signal);
    }
    for (
      const until = performance.now() + LATE_MS;
      tally.received < tally.sent && performance.now() < until;
    ) {
      await pause(INTERVAL_MS, signal);
    }
  } finally {
    far.onmessage = null;
  }
  return tally.facts();
}

/** What came of the packets. */
export class Tally {
  sent = 0;
  private readonly seen = new Set<number>();
  private readonly transits: number[] = [];
  private jitter = 0;
  private last: number | null = null;

  get received(): number {
    return this.seen.size;
  }

  /** Moments in milliseconds of one clock. */
  heard(sequence: number, sentAt: number, now: number): void {
    if (this.seen.has(sequence)) return;
    this.seen.add(sequence);
    const transit = now - sentAt;
    this.transits.push(transit);
    // RFC 3550, section 6.4.1.
    if (this.last !== null) this.jitter += (Math.abs(transit - this.last) - this.jitter) / 16;
    this.last = transit;
  }

  facts(): Omit<PathFact, "transport" | "bitsPerSecond"> {
    const { sent, received, transits } = this;
    const sorted = [...transits].sort((a, b) => a - b);
    return {
      sent,
      received,
      roundTripMs: sorted[Math.floor(sorted.length / 2)] ?? null,
      jitterMs: received > 1 ? this.jitter : null,
    };
  }
}

const BULK_MS = 1_500;
const BULK_CHUNK = 8 * 1024;
/** What a relay gives one person in a second is bounded; this stays below it, and is more than any call takes. */
const MOST_BYTES = 3 * 1024 * 1024;
const BUFFERED = 256 * 1024;

/** In bits a second, as much as got through; the true limit may be above. */
export async function measureRoom(loop: Loop, signal: AbortSignal): Promise<number | null> {
  const far = await loop.far;
  let bytes = 0;
  let first = 0;
  let last = 0;
  far.onmessage = ({ data }) => {
    if (!(data instanceof ArrayBuffer)) return;
    last = performance.now();
    if (first === 0) first = last;
    else bytes += data.byteLength;
  };
  try {
    const chunk = new Uint8Array(BULK_CHUNK);
    let sent = 0;
    for (const until = performance.now() + BULK_MS; performance.now() < until; ) {
      while (loop.near.bufferedAmount < BUFFERED && sent < MOST_BYTES) {
        loop.near.send(chunk);
        sent += chunk.length;
      }
      await pause(10, signal);
      if (sent >= MOST_BYTES && loop.near.bufferedAmount === 0) break;
    }
  } finally {
    far.onmessage = null;
  }
  return last - first < 50 ? null : (bytes * 8 * 1000) / (last - first);
}
