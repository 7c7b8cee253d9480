import { beforeEach, expect, test, vi } from "vitest";
import { ofTrack } from "./video-source";

const made: unknown[] = [];
const drawn: unknown[] = [];

class FakeCanvas {
  context = {
    globalCompositeOperation: "source-over",
    drawImage: (...all: unknown[]) => drawn.push([this.context.globalCompositeOperation, ...all]),
  };
  constructor(
    readonly width: number,
    readonly height: number,
  ) {}
  getContext(): unknown {
    return this.context;
  }
}

beforeEach(() => {
  made.length = 0;
  drawn.length = 0;
  vi.stubGlobal("OffscreenCanvas", FakeCanvas);
  vi.stubGlobal(
    "VideoFrame",
    class {
      constructor(source: unknown, { timestamp }: { timestamp: number }) {
        made.push([source, timestamp]);
      }
    },
  );
  vi.stubGlobal("MediaStreamTrackProcessor", class {});
});

const track = {} as MediaStreamTrack;
const frame = (width: number, timestamp = 16_666) =>
  ({ displayWidth: width, displayHeight: 2, timestamp }) as VideoFrame;

test("a camera's frames are taken as they are", () => {
  const one = frame(4);
  ofTrack(track, false).picture(one, 7);
  expect(made).toEqual([[one, 7]]);
});

test("a canvas's frames are drawn once more, each over the one before", () => {
  const source = ofTrack(track, true);
  const frames = [frame(4), frame(4), frame(8)];
  for (const [index, one] of frames.entries()) source.picture(one, index);
  expect(drawn).toEqual(frames.map((one) => ["copy", one, 0, 0, one.displayWidth, 2]));
  const canvases = made.map((one) => (one as [FakeCanvas, number])[0]);
  expect(canvases.map(({ width }) => width)).toEqual([4, 4, 8]);
  expect(canvases[0]).toBe(canvases[1]);
});

test("those of a canvas that have no time are taken as they are", () => {
  const one = frame(4, -(2 ** 63));
  ofTrack(track, true).picture(one, 7);
  expect([made, drawn]).toEqual([[[one, 7]], []]);
});
