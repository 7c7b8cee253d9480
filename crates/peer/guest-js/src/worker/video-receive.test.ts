import { beforeEach, expect, test, vi } from "vitest";
import { Codec, type Frame, FrameKind } from "./frame";
import type { Heard } from "./messages";
import { VideoReceive } from "./video-receive";

/** Gives a picture for each chunk at once. */
class FakeDecoder {
  state = "unconfigured";
  decodeQueueSize = 0;
  #output: (frame: object) => void;
  constructor({ output }: { output: (frame: object) => void }) {
    this.#output = output;
  }
  configure(): void {
    this.state = "configured";
  }
  decode({ timestamp }: { timestamp: number }): void {
    this.#output({ timestamp, displayWidth: 2, displayHeight: 2, close: () => {} });
  }
}

let shown: Heard[];
let now: number;
let receive: VideoReceive;

beforeEach(() => {
  vi.stubGlobal("VideoDecoder", FakeDecoder);
  vi.stubGlobal(
    "EncodedVideoChunk",
    class {
      constructor(init: object) {
        Object.assign(this, init);
      }
    },
  );
  vi.spyOn(performance, "now").mockImplementation(() => now);
  shown = [];
  now = 1000;
  const generator = { writable: new WritableStream() } as unknown as VideoTrackGenerator;
  receive = new VideoReceive(generator, {
    keyFrameWanted: () => {},
    shown: (one) => shown.push(one),
    trouble: () => {},
  });
});

/** A picture of this SSRC, by its RTP time. */
function picture(source: number, ticks: number): Frame {
  return {
    kind: FrameKind.VideoIn,
    codec: Codec.Vp8,
    key: true,
    text: false,
    gap: false,
    layer: 0,
    pc: 1,
    id: 1,
    timestamp: Math.floor((ticks * 1e6) / 90_000),
    duration: source,
    payload: new Uint8Array(1),
  };
}

test("it is told whose picture is shown, with its RTP time", () => {
  receive.push(picture(7, 123_457));
  expect(shown).toEqual([{ source: 7, rtpTimestamp: 123_457 }]);
});

test("RTP times wrap", () => {
  receive.push(picture(7, 2 ** 32 + 5));
  expect(shown).toEqual([{ source: 7, rtpTimestamp: 5 }]);
});

test("that is told ten times a second at most", async () => {
  for (let index = 0; index < 20; index++) {
    receive.push(picture(7, index * 3000));
    now += 33;
    // The track takes each before the next one comes.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  expect(shown.map(({ rtpTimestamp }) => rtpTimestamp / 3000)).toEqual([0, 4, 8, 12, 16]);
});
