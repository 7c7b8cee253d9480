import { expect, test } from "vitest";
import { allocate, Codec, type FrameHeader, FrameKind, HEADER_BYTES, parse, readdress } from "./frame";

const header: FrameHeader = {
  kind: FrameKind.VideoOut,
  codec: Codec.Vp8,
  key: true,
  text: false,
  gap: false,
  layer: 2,
  pc: 0x01020304,
  id: 7,
  timestamp: -5_000_000_000,
  duration: 20_000,
};

test("a message reads as it was written", () => {
  const message = allocate(3, header);
  message.set([1, 2, 3], HEADER_BYTES);
  expect(parse(message.buffer)).toEqual({ ...header, payload: new Uint8Array([1, 2, 3]) });
});

test("the header lies as DESIGN.md says", () => {
  const message = allocate(0, { ...header, gap: true, text: true, timestamp: 1 });
  expect([...message]).toEqual([
    1, 7, 1, 2, 4, 3, 2, 1, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x4e, 0, 0,
  ]);
});

test("a message can be turned to another receiver", () => {
  const message = allocate(1, header);
  readdress(message, 9, 10, 1);
  expect(parse(message.buffer)).toMatchObject({
    pc: 9,
    id: 10,
    layer: 1,
    key: true,
    timestamp: header.timestamp,
  });
});

test("what is too short is no message", () => {
  expect(parse(new ArrayBuffer(HEADER_BYTES - 1))).toBeUndefined();
});
