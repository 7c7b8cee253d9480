import { expect, test } from "vitest";
import { allocate, Codec, FrameKind, parse } from "./frame";
import { Transforms } from "./transform";
import type { Side, ToTransformer } from "./transform-messages";

const transforms = new Transforms({
  send: () => {},
  tell: () => {},
  decode: () => {},
  keyFrame: () => {},
  trouble: () => {},
});
const PLACE = { pc: 1, transceiver: 5 };

/** What reads the metadata of the frames that a new transform of a direction gets. */
function reader(transform: number, side: Side, ssrcs: Record<number, number>) {
  const { port1, port2 } = new MessageChannel();
  transforms.add(transform, port1);
  const streams = { ssrcs, codecs: [{ payloadType: 98, mimeType: "video/VP9" }] };
  transforms.set({ ...PLACE, side, kind: "video", transform, layers: {}, streams });
  return () =>
    new Promise((resolve) => {
      port2.onmessage = ({ data }: MessageEvent<ToTransformer>) => {
        if (data.type !== "frame") return;
        port2.close();
        resolve(data.frame.metadata);
      };
    });
}

function message(kind: number, layer: number, duration: number) {
  const { pc, transceiver: id } = PLACE;
  const header = { codec: Codec.Vp9, key: true, text: false, gap: false, timestamp: 0, pc, id };
  return allocate(4, { ...header, kind, layer, duration });
}

test("a sender's frame tells the SSRC of its layer", async () => {
  const metadata = reader(1, "send", { 0: 11, 2: 13 })();
  expect(transforms.outgoing(message(FrameKind.VideoOut, 2, 0))).toBe(true);
  expect(await metadata).toMatchObject({ synchronizationSource: 13, payloadType: 98, mimeType: "video/VP9" });
});

test("a received frame tells the SSRC that it came with", async () => {
  const metadata = reader(2, "receive", {})();
  const frame = parse(message(FrameKind.VideoIn, 0, 0xfedc_ba98).buffer);
  expect(frame && transforms.incoming(frame)).toBe(true);
  expect(await metadata).toMatchObject({ synchronizationSource: 0xfedc_ba98, payloadType: 98 });
});

test("a voice in G.711 tells so, on its own clock", async () => {
  const { port1, port2 } = new MessageChannel();
  transforms.add(3, port1);
  const streams = { ssrcs: { 0: 7 }, codecs: [{ payloadType: 0, mimeType: "audio/PCMU" }] };
  transforms.set({ ...PLACE, side: "send", kind: "audio", transform: 3, layers: {}, streams });
  const frame = new Promise((resolve) => {
    port2.onmessage = ({ data }: MessageEvent<ToTransformer>) => {
      if (data.type !== "frame") return;
      port2.close();
      resolve(data.frame);
    };
  });
  const { pc, transceiver: id } = PLACE;
  const flags = { key: true, text: false, gap: false, layer: 0, pc, id, duration: 20_000 };
  const header = { ...flags, kind: FrameKind.VoiceOut, codec: Codec.Pcmu, timestamp: 1_000_000 };
  const voice = parse(allocate(160, header).buffer);
  if (voice) transforms.voice(voice);
  const metadata = { synchronizationSource: 7, payloadType: 0, mimeType: "audio/PCMU" };
  expect(await frame).toMatchObject({ timestamp: 8_000, metadata });
});
