// The codec of an encoding (WebRTC 5.2, `RTCRtpEncodingParameters.codec`): which one a page may name, and for how long.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { H264Level } from "../wire";
import { allowVideo, capabilities } from "./capabilities";
import { codec, find } from "./codec";
import { PeerConnection } from "./connection";
import { FakeRust, FakeTrack, installDom, lineSnapshot, stable } from "./fakes";
import type { Encoding } from "./parameters";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

beforeEach(() => {
  rust = new FakeRust();
  allowVideo(["VP8", "VP9", "H264"]);
});
afterEach(() => allowVideo(["VP8"]));

const named = (name: string) =>
  capabilities("video")?.codecs.find(({ mimeType }) => mimeType === `video/${name}`) as RTCRtpCodec;
const FMTP: Record<string, string> = {
  VP8: "",
  VP9: "a=fmtp:98 profile-id=0\r\n",
  H264: "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e028\r\n",
};
const NUMBERS: Record<string, number> = { VP8: 96, VP9: 98, H264: 102 };

function section(names: string[]): string {
  const maps = names.map((name) => `a=rtpmap:${NUMBERS[name]} ${name}/90000\r\n${FMTP[name]}`).join("");
  const formats = names.map((name) => NUMBERS[name]).join(" ");
  return `v=0\r\nm=video 9 X ${formats}\r\na=mid:0\r\na=sendrecv\r\n${maps}`;
}

/** Offers everything, and gets an answer with the codecs of these names. */
async function negotiate(pc: PeerConnection, names: string[], h264: H264Level | null = null): Promise<void> {
  const codecs = names.map((name) => `video/${name}`);
  const transceivers = [lineSnapshot({ currentDirection: "sendrecv", codecs, h264 })];
  const currentLocal = { type: "offer" as const, sdp: section(["VP8", "VP9", "H264"]) };
  const currentRemote = { type: "answer" as const, sdp: section(names) };
  rust.snapshot = stable({ signalingState: "have-local-offer", pendingLocal: currentLocal, transceivers });
  await pc.setLocalDescription();
  rust.snapshot = stable({ currentLocal, currentRemote, transceivers });
  await pc.setRemoteDescription(currentRemote);
}

/** Has the encoding of a sender use a codec. */
async function choose(sender: RTCRtpSender, codec: RTCRtpCodec | undefined): Promise<void> {
  const parameters = sender.getParameters();
  const [encoding] = parameters.encodings as Encoding[];
  if (encoding && codec) encoding.codec = codec;
  else delete encoding?.codec;
  await sender.setParameters(parameters);
}

const chosen = (sender: RTCRtpSender) => (sender.getParameters().encodings as Encoding[])[0]?.codec;
const senderOf = (pc: PeerConnection, init?: { sendEncodings: Encoding[] }) =>
  pc.addTransceiver("video", init).sender as unknown as RTCRtpSender;

test("codecs are the same if all that both ends must agree on is", () => {
  const all = capabilities("video")?.codecs ?? [];
  const h264 = named("H264");
  expect(find(all, { ...h264, mimeType: "VIDEO/h264" })).toEqual(h264);
  const reordered = "profile-level-id=42E028; packetization-mode=1;level-asymmetry-allowed=1";
  expect(find(all, { ...h264, sdpFmtpLine: reordered })).toEqual(h264);
  const level = { ...h264, sdpFmtpLine: h264.sdpFmtpLine?.replace("42e028", "42e01f") ?? "" };
  expect(find(all, level)).toBeUndefined();
  expect(find(all, level, true)).toEqual(h264);
  const profile = { ...h264, sdpFmtpLine: h264.sdpFmtpLine?.replace("42e028", "64e028") ?? "" };
  expect(find(all, profile, true)).toBeUndefined();
  for (const other of [{ clockRate: 1 }, { channels: 1 }, { sdpFmtpLine: "x" }, { mimeType: "video/AV1" }])
    expect(find(all, { ...named("VP8"), ...other }, true), JSON.stringify(other)).toBeUndefined();
});

test("a codec is a dictionary", () => {
  expect(codec({ mimeType: "a/b", clockRate: "8000", channel: 2 }, "x")).toEqual({
    mimeType: "a/b",
    clockRate: 8000,
  });
  for (const value of [{ mimeType: "a/b" }, { clockRate: 1 }, 5])
    expect(() => codec(value, "x")).toThrow(TypeError);
});

test("a new transceiver's encodings name codecs that this end has", () => {
  const pc = new PeerConnection();
  expect(chosen(senderOf(pc, { sendEncodings: [{ codec: named("VP9") }] }))).toEqual(named("VP9"));
  const [opus, pcmu] = capabilities("audio")?.codecs ?? [];
  for (const codec of [opus, pcmu] as RTCRtpCodec[]) {
    const audio = pc.addTransceiver("audio", { sendEncodings: [{ codec }] });
    expect((audio.sender.getParameters().encodings as Encoding[])[0]?.codec).toEqual(codec);
  }
  for (const codec of [named("rtx"), { mimeType: "video/x", clockRate: 90_000 }, opus as RTCRtpCodec])
    expect(() => senderOf(pc, { sendEncodings: [{ codec }] })).toThrow(
      expect.objectContaining({ name: "OperationError" }),
    );
  const malformed = [{ codec: { mimeType: "video/VP8" } }] as Encoding[];
  expect(() => senderOf(pc, { sendEncodings: malformed })).toThrow(TypeError);
});

test("before anything is agreed on, any codec of this end can be set, and unset", async () => {
  const sender = senderOf(new PeerConnection());
  expect(chosen(sender)).toBeUndefined();
  await choose(sender, named("H264"));
  expect(chosen(sender)).toEqual(named("H264"));
  await choose(sender, undefined);
  expect(chosen(sender)).toBeUndefined();
  await expect(choose(sender, { mimeType: "video/x", clockRate: 90_000 })).rejects.toMatchObject({
    name: "InvalidModificationError",
  });
});

test("afterwards those that were agreed on can, whatever their level", async () => {
  const pc = new PeerConnection();
  const sender = senderOf(pc);
  await negotiate(pc, ["VP9", "H264"]);
  await choose(sender, named("H264"));
  expect(chosen(sender)).toEqual(named("H264"));
  await expect(choose(sender, named("VP8"))).rejects.toMatchObject({ name: "InvalidModificationError" });
});

test("a codec that is not agreed on any more is unset", async () => {
  const pc = new PeerConnection();
  const sender = senderOf(pc, { sendEncodings: [{ codec: named("VP8") }] });
  await negotiate(pc, ["VP8", "VP9"]);
  expect(chosen(sender)).toEqual(named("VP8"));
  await negotiate(pc, ["VP9"]);
  expect(chosen(sender)).toBeUndefined();
});

test("each encoding is sent with its codec, or with the first that was agreed on", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const { sender } = pc.addTransceiver(track, { sendEncodings: [{ codec: named("H264") }] });
  await negotiate(pc, ["VP9", "H264"]);
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  rust.emit({ type: "connection-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  expect(rust.told.find(({ type }) => type === "send")).toMatchObject({ limits: [{ codec: "H264" }] });
  await choose(sender as unknown as RTCRtpSender, undefined);
  expect(rust.told.findLast(({ type }) => type === "limits")).toMatchObject({ limits: [{ codec: "VP9" }] });
  await choose(sender as unknown as RTCRtpSender, named("H264"));
  expect(rust.told.findLast(({ type }) => type === "limits")).toMatchObject({ limits: [{ codec: "H264" }] });
  await negotiate(pc, ["VP9"]);
  expect(rust.told.findLast(({ type }) => type === "limits")).toMatchObject({ limits: [{ codec: "VP9" }] });
});

test("a voice is sent with the first that was agreed on, or with what the page has chosen of it", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("audio") as unknown as MediaStreamTrack;
  const sender = pc.addTransceiver(track).sender as unknown as RTCRtpSender;
  const offer = "v=0\r\nm=audio 9 X 111 0 8\r\na=mid:0\r\na=sendrecv\r\n";
  const maps = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";
  // A gateway need not explain what every end knows.
  const currentRemote = { type: "answer" as const, sdp: offer.replace("111 0 8", "8 0") };
  const currentLocal = { type: "offer" as const, sdp: offer + maps };
  const codecs = ["audio/PCMA", "audio/PCMU"];
  const transceivers = [lineSnapshot({ kind: "audio", currentDirection: "sendrecv", codecs })];
  rust.snapshot = stable({ signalingState: "have-local-offer", pendingLocal: currentLocal, transceivers });
  await pc.setLocalDescription();
  rust.snapshot = stable({ currentLocal, currentRemote, transceivers });
  await pc.setRemoteDescription(currentRemote);
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  rust.emit({ type: "connection-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  expect(rust.told.find(({ type }) => type === "send")).toMatchObject({ limits: [{ codec: "PCMA" }] });
  const [pcma, pcmu] = sender.getParameters().codecs;
  expect([pcma?.mimeType, pcma?.clockRate, pcmu?.payloadType]).toEqual(["audio/PCMA", 8000, 0]);
  await choose(sender, { mimeType: "audio/PCMU", clockRate: 8000, channels: 1 });
  expect(rust.told.findLast(({ type }) => type === "limits")).toMatchObject({ limits: [{ codec: "PCMU" }] });
  const opus = capabilities("audio")?.codecs[0] as RTCRtpCodec;
  await expect(choose(sender, opus)).rejects.toMatchObject({ name: "InvalidModificationError" });
});

test("what the remote takes of H.264 bounds what is sent in it, and follows its descriptions", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const { sender } = pc.addTransceiver(track);
  await negotiate(pc, ["H264", "VP8"], { level: 13 });
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  const [first] = rust.told.filter(({ type }) => type === "send");
  expect(first).toMatchObject({ limits: [{ codec: "H264", h264: { level: 13 } }] });
  const last = () =>
    (rust.told.findLast(({ type }) => type === "limits") as { limits?: unknown[] } | undefined)?.limits?.[0];
  await negotiate(pc, ["H264", "VP8"], { level: 13, maxFs: 3600 });
  expect(last()).toMatchObject({ codec: "H264", h264: { level: 13, maxFs: 3600 } });
  await choose(sender as unknown as RTCRtpSender, named("VP8"));
  expect(last()).not.toHaveProperty("h264");
  const told = rust.told.length;
  await negotiate(pc, ["H264", "VP8"], { level: 13, maxFs: 3600 });
  expect(rust.told.slice(told).filter(({ type }) => type === "limits")).toEqual([]);
});

test("what the page prefers where not all can be had is told to the worker, and given back", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const sender = pc.addTransceiver(track).sender as unknown as RTCRtpSender;
  await negotiate(pc, ["VP8"]);
  rust.emit({ type: "dtls-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(rust.told.some(({ type }) => type === "send")).toBe(true));
  for (const [degradationPreference, detailed] of [
    ["maintain-resolution", true],
    ["maintain-framerate", false],
    ["balanced", undefined],
  ] as const) {
    await sender.setParameters({ ...sender.getParameters(), degradationPreference });
    const told = rust.told.findLast(({ type }) => type === "limits") as { limits?: { detailed?: boolean }[] };
    expect(told.limits?.map((one) => one.detailed)).toEqual([detailed]);
    expect(sender.getParameters().degradationPreference).toBe(degradationPreference);
  }
});
