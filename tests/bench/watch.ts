/**
 * Runs inside a page: numbered pictures go from one connection to another, whose <video> tells which of them came to be seen, and
 * when. It is sent to the page as text (`inPage`), so it names nothing outside of itself but a pair.
 */
import { negotiate, openPair, paper, screenOf } from "./pair.ts";

/** What both connections counted since they were made. */
export interface Counts {
  /** Pictures. */
  readonly sent: number;
  readonly decoded: number;
  readonly bytesSent: number;
  readonly sentAgain: number;
  readonly keyFramesAskedFor: number;
  readonly height: number;
  /** Only where the receiver counts them (webrtc-stats). */
  readonly freezes?: number;
  readonly frozenSeconds?: number;
}

/** What the page saw while it looked. */
export interface Seen {
  readonly drawn: number;
  readonly seen: number;
  /** Milliseconds of each gap that webrtc-stats calls a freeze. */
  readonly freezes: readonly number[];
  /** Milliseconds of the longest of all gaps. */
  readonly longest: number;
}

export interface Watch {
  /** No pictures are drawn any more. */
  pause(): void;
  counts(): Promise<Counts>;
  look(): void;
  /** Since `look`. */
  seen(): Seen;
  close(): void;
}

declare global {
  interface Window {
    watch: Watch;
  }
}

/** Makes `window.watch`, once the first picture is seen. */
export async function watchInPage(width: number, height: number, bitrate: number): Promise<void> {
  const BITS = 16;
  const TILE = 16;
  const ink = paper(width, height);
  const eye = paper(width, 1, true);
  // Something to encode: tiles that move by, the same ones again each time they have been round.
  const brush = paper(2 * width, height);
  const scene = brush.canvas;
  for (let at = 0, hue = 7; at < (width * height) / TILE ** 2; at++) {
    hue = (hue * 75 + 74) % 65537;
    const columns = width / TILE;
    brush.fillStyle = `hsl(${hue % 360} ${30 + (hue % 40)}% ${25 + (hue % 50)}%)`;
    brush.fillRect((at % columns) * TILE, Math.floor(at / columns) * TILE, TILE, TILE);
  }
  brush.drawImage(scene, 0, 0, width, height, width, 0, width, height);

  const column = width / BITS;
  let drawn = 0;
  const draw = () => {
    drawn++;
    const shift = (drawn * 3) % width;
    ink.drawImage(scene, shift, 0, width, height, 0, 0, width, height);
    for (let bit = 0; bit < BITS; bit++) {
      ink.fillStyle = (drawn >> bit) & 1 ? "white" : "black";
      ink.fillRect(bit * column, 0, column, height / 6);
    }
  };
  draw();
  const stream = ink.canvas.captureStream(30);
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new Error("a canvas without a track");
  const [one, other] = openPair();
  const video = screenOf(other);
  const sender = one.addTrack(track, stream);
  await negotiate(one, other);
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = bitrate;
  await sender.setParameters(parameters);

  let last = 0;
  let lastAt = 0;
  /** Of the last thirty pictures. */
  let gaps: number[] = [];
  let began = 0;
  let seen = 0;
  let freezes: number[] = [];
  let longest = 0;
  const note = (gap: number) => {
    const average = gaps.reduce((sum, each) => sum + each, 0) / gaps.length;
    if (gaps.length > 0 && gap > Math.max(3 * average, average + 150)) freezes.push(gap);
    longest = Math.max(longest, gap);
  };
  const glance = () => {
    eye.drawImage(video, 0, video.videoHeight / 12, video.videoWidth, 1, 0, 0, width, 1);
    const row = eye.getImageData(0, 0, width, 1).data;
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) {
      if ((row[Math.floor((bit + 0.5) * column) * 4] ?? 0) > 128) number |= 1 << bit;
    }
    if (number <= last || number > drawn) return;
    const now = performance.now();
    note(now - lastAt);
    gaps = [...gaps.slice(-29), now - lastAt];
    [last, lastAt] = [number, now];
    seen++;
  };
  const pen = setInterval(draw, 1000 / 30);
  let looking = 0;
  await new Promise<void>((done) => {
    looking = window.setInterval(() => {
      if (video.videoWidth > 0) glance();
      if (seen > 0) done();
    }, 8);
  });

  window.watch = {
    pause: () => clearInterval(pen),
    async counts() {
      const [out, come] = await Promise.all([one.getStats(), other.getStats()]);
      const of = (all: RTCStatsReport, wanted: string): Record<string, number> => {
        for (const each of all.values()) if (each.type === wanted && each.kind === "video") return each;
        throw new Error(`no ${wanted}`);
      };
      const [outbound, inbound] = [of(out, "outbound-rtp"), of(come, "inbound-rtp")];
      return {
        sent: outbound.framesSent ?? Number.NaN,
        decoded: inbound.framesDecoded ?? Number.NaN,
        bytesSent: outbound.bytesSent ?? Number.NaN,
        sentAgain: outbound.retransmittedPacketsSent ?? Number.NaN,
        keyFramesAskedFor: inbound.pliCount ?? Number.NaN,
        height: inbound.frameHeight ?? Number.NaN,
        ...(inbound.freezeCount !== undefined && { freezes: inbound.freezeCount }),
        ...(inbound.totalFreezesDuration !== undefined && { frozenSeconds: inbound.totalFreezesDuration }),
      };
    },
    look() {
      [began, seen, longest, freezes] = [drawn, 0, 0, []];
    },
    seen() {
      // What is frozen now has been so for as long as it has.
      note(performance.now() - lastAt);
      return { drawn: drawn - began, seen, freezes, longest };
    },
    close() {
      clearInterval(looking);
      clearInterval(pen);
      one.close();
      other.close();
      track.stop();
      video.remove();
    },
  };
}
