import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DataLink } from "./data";
import type { ChannelEvent } from "./wire";
import { allocate, Codec, FrameKind, HEADER_BYTES, parse } from "./worker/frame";

/** The other end is this test. */
class Line {
  static last: Line;
  sent: (string | Uint8Array<ArrayBuffer>)[] = [];
  onopen = (): void => undefined;
  onclose = (_: { code: number; reason: string }): void => undefined;
  onmessage = (_: { data: string | ArrayBuffer }): void => undefined;

  constructor(readonly url: string) {
    Line.last = this;
    queueMicrotask(() => this.onopen());
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.sent.push(message);
  }
}

const heard: unknown[] = [];

function open(): Promise<DataLink> {
  return DataLink.open("ws://data", {
    message: (pc, channel, data, bytes) => heard.push([pc, channel, data, bytes]),
    event: (event) => heard.push(event),
  });
}

function frame(kind: number, text: boolean, ...payload: number[]): ArrayBuffer {
  const header = { key: false, gap: false, layer: 0, timestamp: 0, duration: 0, codec: Codec.None };
  const message = allocate(payload.length, { ...header, kind, text, pc: 3, id: 4 });
  message.set(payload, HEADER_BYTES);
  return message.buffer;
}

beforeEach(() => {
  heard.length = 0;
  vi.stubGlobal("WebSocket", Line);
});
afterEach(() => vi.unstubAllGlobals());

test("messages leave with their channel, and are copies", async () => {
  const link = await open();
  const bytes = new Uint8Array([9, 1, 2, 3]);
  link.send(3, 4, bytes.subarray(1), false);
  bytes.fill(0);
  link.send(3, 4, new Uint8Array([0xc3, 0xa4]), true);
  link.send(3, 4, new ArrayBuffer(0), false);
  link.close(3, 4);
  const frames = Line.last.sent.slice(0, 3).map((sent) => parse((sent as Uint8Array<ArrayBuffer>).buffer));
  expect(frames.map((one) => [one?.kind, one?.pc, one?.id, one?.text, [...(one?.payload ?? [])]])).toEqual([
    [FrameKind.DataOut, 3, 4, false, [1, 2, 3]],
    [FrameKind.DataOut, 3, 4, true, [0xc3, 0xa4]],
    [FrameKind.DataOut, 3, 4, false, []],
  ]);
  expect(JSON.parse(Line.last.sent[3] as string)).toEqual({ type: "close-channel", pc: 3, channel: 4 });
});

test("messages and what is said of channels come in their order; what is no message is left out", async () => {
  await open();
  const flow: ChannelEvent = { type: "flow", pc: 3, channel: 4, amount: 2 };
  for (const data of [
    frame(FrameKind.DataIn, true, 0xef, 0xbb, 0xbf, 0xc3, 0xa4),
    JSON.stringify(flow),
    frame(FrameKind.VideoIn, false, 1),
    new ArrayBuffer(3),
    frame(FrameKind.DataIn, false, 7),
  ])
    Line.last.onmessage({ data });
  expect(heard).toEqual([[3, 4, "\ufeffä", 5], flow, [3, 4, new Uint8Array([7]).buffer, 1]]);
});

test("a socket that does not open is an error, and one that is lost is told of", async () => {
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  const opening = open();
  Line.last.onclose({ code: 1006, reason: "" });
  await expect(opening).rejects.toThrow("1006");
  await open();
  Line.last.onclose({ code: 1006, reason: "gone" });
  expect(told).toHaveBeenCalledWith("peer-connection:", expect.stringContaining("gone"));
  told.mockRestore();
});
