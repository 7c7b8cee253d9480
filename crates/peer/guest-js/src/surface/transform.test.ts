import { beforeEach, describe, expect, test } from "vitest";
import { WINDOW } from "../worker/transform-messages";
import type { Outlet, Passing } from "../worker/transform-stage";
import { Stage } from "../worker/transform-stage";
import { EncodedAudioFrame, EncodedVideoFrame } from "./transform-frame";
import { EncodedStreams } from "./transform-streams";

const passed: { text: string; gap: boolean }[] = [];
let keysWanted = 0;
let layerWanted: number | undefined;
const troubles: string[] = [];
const outlet: Outlet = {
  wantKeyFrame: (layer) => {
    keysWanted++;
    layerWanted = layer;
  },
  trouble: (message) => troubles.push(message),
};
const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

beforeEach(() => {
  passed.length = troubles.length = keysWanted = 0;
});

/** A stage and the streams at its other end. */
function pair(side: "send" | "receive", kind: "video" | "audio" = "video", strict = false) {
  const { port1, port2 } = new MessageChannel();
  const streams = new EncodedStreams(port2, strict);
  const stage = new Stage(port1, side, kind, { a: 0, c: 2 }, outlet);
  const push = (text: string, more: Partial<Passing> = {}) =>
    stage.push({
      key: true,
      layer: 0,
      data: bytes(text),
      timestamp: 90,
      metadata: { frameId: 1 },
      pass: (data, gap) => passed.push({ text: new TextDecoder().decode(data), gap }),
      ...more,
    });
  return { stage, push, reader: streams.readable.getReader(), writer: streams.writable.getWriter(), streams };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve));
}

describe("frames", () => {
  test("come back changed, in order, and only once", async () => {
    const { push, reader, writer } = pair("receive");
    push("one");
    push("two");
    const { value: one } = await reader.read();
    const { value: two } = await reader.read();
    if (!(one instanceof EncodedVideoFrame) || !two) throw new Error("no video frame");
    expect([one.type, one.timestamp, one.getMetadata()]).toEqual(["key", 90, { frameId: 1 }]);
    one.data = bytes("eins");
    await writer.write(one);
    await writer.write(one);
    expect(one.data.byteLength).toBe(0);
    await writer.write(two);
    await until(() => passed.length === 2);
    expect(passed).toEqual([
      { text: "eins", gap: false },
      { text: "two", gap: false },
    ]);
  });

  test("of another transform, and those overtaken, are ignored", async () => {
    const { push, reader, writer } = pair("receive");
    const other = pair("receive");
    other.push("strange");
    const { value: strange } = await other.reader.read();
    push("one");
    push("two");
    const { value: one } = await reader.read();
    const { value: two } = await reader.read();
    if (!one || !two || !strange) throw new Error("no frame");
    await writer.write(strange);
    await writer.write(two);
    await writer.write(one);
    push("three");
    const { value: three } = await reader.read();
    if (three) await writer.write(three);
    await until(() => passed.length === 2);
    expect(passed.map(({ text }) => text)).toEqual(["two", "three"]);
    await expect(writer.write({} as EncodedVideoFrame)).rejects.toThrow(TypeError);
  });

  test("written twice are an error of the older form", async () => {
    const { push, reader, writer } = pair("send", "video", true);
    push("one");
    const { value: one } = await reader.read();
    if (!one) throw new Error("no frame");
    await writer.write(one);
    await expect(writer.write(one)).rejects.toMatchObject({ name: "OperationError" });
  });

  test("without their data cannot be written or copied", async () => {
    const { push, reader, writer } = pair("send");
    push("one");
    const { value: one } = await reader.read();
    if (!one) throw new Error("no frame");
    structuredClone(one.data, { transfer: [one.data] });
    expect(() => new EncodedVideoFrame(one as EncodedVideoFrame)).toThrow(DOMException);
    await expect(writer.write(one)).rejects.toMatchObject({ name: "DataCloneError" });
  });

  test("can be copied with other metadata", async () => {
    const { push, reader } = pair("receive", "audio");
    push("voice", { metadata: { payloadType: 111, contributingSources: [3] } });
    const { value: frame } = await reader.read();
    if (!(frame instanceof EncodedAudioFrame)) throw new Error("no audio frame");
    const copy = new EncodedAudioFrame(frame, { metadata: { payloadType: 9, sequenceNumber: 7 } });
    expect(copy.getMetadata()).toEqual({ payloadType: 9, contributingSources: [3], sequenceNumber: 7 });
    expect(copy.data).not.toBe(frame.data);
    expect(() => {
      copy.data = new Uint8Array(3) as unknown as ArrayBuffer;
    }).toThrow(TypeError);
    expect(() => new EncodedAudioFrame({} as EncodedAudioFrame)).toThrow(TypeError);
  });
});

describe("what is left out", () => {
  test("a sender goes on with a key frame", async () => {
    const { push, reader, writer } = pair("send");
    for (const [text, key] of [
      ["k", true],
      ["lost", false],
      ["d", false],
      ["K", true],
      ["D", false],
    ] as const)
      push(text, { key });
    for (let index = 0; index < 5; index++) {
      const { value } = await reader.read();
      if (value && index !== 1) await writer.write(value);
    }
    await until(() => passed.length === 3);
    expect(passed.map(({ text }) => text)).toEqual(["k", "K", "D"]);
    expect(keysWanted).toBe(1);
  });

  test("layers do not depend on each other", async () => {
    const { push, reader, writer } = pair("send");
    push("0", { layer: 0, key: false });
    push("1", { layer: 1, key: false });
    await reader.read();
    const { value } = await reader.read();
    if (value) await writer.write(value);
    await until(() => passed.length === 1);
    expect(passed).toEqual([{ text: "1", gap: false }]);
  });

  test("a receiver's decoder hears of the gap", async () => {
    const { push, reader, writer } = pair("receive");
    push("lost", { key: false });
    push("d", { key: false });
    await reader.read();
    const { value } = await reader.read();
    if (value) await writer.write(value);
    await until(() => passed.length === 1);
    expect([passed, keysWanted]).toEqual([[{ text: "d", gap: true }], 1]);
  });

  test("a transform that takes nothing gets no more than its window", () => {
    const { stage, push } = pair("send");
    for (let count = 0; count < WINDOW.video + 10; count++) push("x");
    expect([stage.dropped, passed.length]).toEqual([10, 0]);
    expect(troubles[0]).toContain("found no transform");
  });

  test("what is too large for a packet does not pass", async () => {
    const { stage, push, reader, writer } = pair("receive", "audio");
    push("a");
    const { value } = await reader.read();
    if (!value) throw new Error("no frame");
    value.data = new ArrayBuffer(5_000);
    await writer.write(value);
    await until(() => stage.dropped === 1);
    expect(passed).toEqual([]);
  });

  test("after the end nothing passes", async () => {
    const { stage, push, reader, writer } = pair("receive");
    push("a");
    const { value } = await reader.read();
    stage.end();
    if (value) await writer.write(value);
    await new Promise((resolve) => setTimeout(resolve));
    expect(passed).toEqual([]);
  });
});

describe("key frames", () => {
  test("are promised to senders of video alone", async () => {
    const voice = pair("send", "audio");
    const receiver = pair("receive");
    const sender = pair("send");
    // The streams learn by message what they serve.
    for (const one of [voice, receiver, sender]) {
      one.push("first");
      await one.reader.read();
    }
    await expect(voice.streams.generateKeyFrame(undefined)).rejects.toMatchObject({
      name: "InvalidStateError",
    });
    await expect(receiver.streams.generateKeyFrame(undefined)).rejects.toMatchObject({
      name: "InvalidStateError",
    });
    await expect(sender.streams.generateKeyFrame("b")).rejects.toMatchObject({ name: "NotFoundError" });
    await expect(sender.streams.generateKeyFrame("")).rejects.toMatchObject({ name: "NotAllowedError" });
    await expect(sender.streams.sendKeyFrameRequest()).rejects.toMatchObject({ name: "InvalidStateError" });
    const made = sender.streams.generateKeyFrame(undefined);
    await until(() => keysWanted === 1);
    sender.push("key", { timestamp: 1234 });
    await sender.reader.read();
    expect(await made).toBe(1234);
    await receiver.streams.sendKeyFrameRequest();
    await until(() => keysWanted === 2);
  });

  test("are those of the layer that was named", async () => {
    const { push, reader, streams } = pair("send");
    push("first");
    await reader.read();
    const [named, any] = [streams.generateKeyFrame("c"), streams.generateKeyFrame(undefined)];
    await until(() => keysWanted === 2);
    expect(layerWanted).toBeUndefined();
    const resolved: string[] = [];
    named.then((timestamp) => resolved.push(`named ${timestamp}`));
    any.then((timestamp) => resolved.push(`any ${timestamp}`));
    push("another layer's", { timestamp: 1 });
    push("no key", { layer: 2, key: false, timestamp: 2 });
    push("its own", { layer: 2, timestamp: 3 });
    for (let frame = 0; frame < 3; frame++) await reader.read();
    await until(() => resolved.length === 2);
    expect(resolved).toEqual(["any 1", "named 3"]);
    const again = streams.generateKeyFrame("c");
    await until(() => layerWanted === 2);
    push("its own again", { layer: 2, timestamp: 4 });
    await reader.read();
    expect(await again).toBe(4);
  });
});
