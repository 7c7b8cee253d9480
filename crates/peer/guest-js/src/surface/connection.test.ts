import { beforeEach, describe, expect, test, vi } from "vitest";
import { PeerConnection } from "./connection";
import { FakeRust, FakeStream, FakeTrack, installDom, lineSnapshot, sdp, stable } from "./fakes";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

function open() {
  const pc = new PeerConnection();
  const log: string[] = [];
  for (const name of ["negotiationneeded", "signalingstatechange", "icecandidate", "connectionstatechange"]) {
    pc.addEventListener(name, () => log.push(name === "signalingstatechange" ? pc.signalingState : name));
  }
  pc.addEventListener("track", (event) => log.push(`track ${(event as RTCTrackEvent).streams[0]?.id}`));
  return { pc, log };
}

const track = (kind: "audio" | "video" = "video") => new FakeTrack(kind) as unknown as MediaStreamTrack;
const settled = () => new Promise((resolve) => setTimeout(resolve));
const offer = { type: "offer" as const, sdp: sdp("sendrecv") };

beforeEach(() => {
  rust = new FakeRust();
});

describe("negotiationneeded", () => {
  test("comes once for many changes of one task", async () => {
    const { pc, log } = open();
    pc.addTrack(track("audio"), new FakeStream() as unknown as MediaStream);
    pc.addTransceiver("video");
    pc.createDataChannel("chat");
    await vi.waitFor(() => expect(log).toEqual(["negotiationneeded"]));
    await settled();
    expect(log).toEqual(["negotiationneeded"]);
    expect(rust.types()).toEqual(["add-transceiver", "add-transceiver", "create-channel"]);
  });

  test("waits while a description is being set", async () => {
    const { pc, log } = open();
    rust.snapshot = stable({
      signalingState: "have-local-offer",
      pendingLocal: { type: "offer", sdp: sdp("sendrecv") },
    });
    const setting = pc.setLocalDescription();
    pc.addTransceiver("video");
    await setting;
    await settled();
    expect(log).toEqual(["have-local-offer"]);
  });
});

describe("setRemoteDescription", () => {
  const withOffer = () => ({
    ...stable({ signalingState: "have-remote-offer", pendingRemote: offer }),
    transceivers: [lineSnapshot({ direction: "recvonly" })],
  });

  test("fires signalingstatechange, then track, before it resolves", async () => {
    const { pc, log } = open();
    rust.snapshot = withOffer();
    await pc.setRemoteDescription(offer).then(() => log.push("resolved"));
    expect(log).toEqual(["have-remote-offer", "track remote", "resolved"]);
    const [receiver] = pc.getReceivers();
    expect(receiver?.track.muted).toBe(true);
    rust.listeners.get(1)?.receiving(1);
    expect(receiver?.track.muted).toBe(false);
  });

  test("rolls our own offer back first", async () => {
    const { pc, log } = open();
    rust.snapshot = stable({ signalingState: "have-local-offer", pendingLocal: offer });
    await pc.setLocalDescription();
    rust.answer = (op) => {
      if (op.type === "set-local") return stable();
      return op.type === "set-remote" ? withOffer() : undefined;
    };
    await pc.setRemoteDescription(offer);
    expect(rust.ops.slice(1)).toEqual([
      { type: "set-local", description: { type: "rollback" } },
      { type: "set-remote", description: offer },
    ]);
    expect(log).toEqual(["have-local-offer", "stable", "have-remote-offer", "track remote"]);
  });

  test("mutes what the remote no longer sends", async () => {
    const { pc } = open();
    rust.snapshot = withOffer();
    await pc.setRemoteDescription(offer);
    rust.listeners.get(1)?.receiving(1);
    const [receiver] = pc.getReceivers();
    const heard: string[] = [];
    receiver?.track.addEventListener("mute", () => heard.push("mute"));
    rust.snapshot = { ...withOffer(), pendingRemote: { type: "offer", sdp: sdp("recvonly") } };
    await pc.setRemoteDescription(offer);
    expect(heard).toEqual(["mute"]);
  });

  test("takes away what a rollback undoes", async () => {
    const { pc } = open();
    rust.snapshot = withOffer();
    await pc.setRemoteDescription(offer);
    rust.snapshot = stable();
    await pc.setRemoteDescription({ type: "rollback" });
    expect(pc.getTransceivers()).toEqual([]);
  });
});

describe("candidates", () => {
  const candidate = { candidate: "candidate:1 1 udp 1 10.0.0.1 5 typ host", sdpMid: "0", sdpMLineIndex: 0 };

  test("before a remote description are an InvalidStateError", async () => {
    const { pc } = open();
    await expect(pc.addIceCandidate(candidate)).rejects.toMatchObject({ name: "InvalidStateError" });
    await expect(pc.addIceCandidate({ candidate: "x" })).rejects.toBeInstanceOf(TypeError);
    expect(rust.types()).toEqual([]);
  });

  test("end in the remote description", async () => {
    const { pc } = open();
    rust.snapshot = stable({ signalingState: "have-remote-offer", pendingRemote: offer });
    await pc.setRemoteDescription(offer);
    await pc.addIceCandidate();
    await pc.addIceCandidate({ candidate: "", sdpMid: "0" });
    await pc.addIceCandidate(candidate);
    expect(rust.ops.slice(1)).toEqual([{ type: "add-candidate", candidate }]);
    expect(pc.remoteDescription?.sdp.match(/a=end-of-candidates/g)).toHaveLength(1);
    expect(pc.remoteDescription?.sdp).toContain(candidate.candidate);
    const elsewhere = { candidate: "", sdpMid: "9" };
    await expect(pc.addIceCandidate(elsewhere)).rejects.toMatchObject({ name: "OperationError" });
  });

  test("wait for setLocalDescription, and end up in the description", async () => {
    const { pc, log } = open();
    const pendingLocal = { type: "offer" as const, sdp: sdp("sendrecv") };
    rust.answer = (op) => {
      if (op.type !== "set-local") return undefined;
      rust.emit({ type: "ice-candidate", pc: 1, candidate });
      return stable({ signalingState: "have-local-offer", pendingLocal });
    };
    await pc.setLocalDescription();
    log.push("resolved");
    expect(pc.localDescription?.sdp).not.toContain("a=candidate");
    await settled();
    expect(log).toEqual(["have-local-offer", "resolved", "icecandidate"]);
    expect(pc.localDescription?.sdp).toContain(`a=${candidate.candidate}`);
  });
});

describe("senders", () => {
  test("addTrack takes a free transceiver, and a track only once", async () => {
    const { pc } = open();
    rust.snapshot = {
      ...stable({ signalingState: "have-remote-offer", pendingRemote: offer }),
      transceivers: [lineSnapshot({ transceiver: 7, direction: "recvonly" })],
    };
    await pc.setRemoteDescription(offer);
    const camera = track();
    const sender = pc.addTrack(camera);
    expect(pc.getTransceivers()).toHaveLength(1);
    expect(pc.getTransceivers()[0]).toMatchObject({ direction: "sendrecv", sender });
    expect(() => pc.addTrack(camera)).toThrow(expect.objectContaining({ name: "InvalidAccessError" }));
    await settled();
    expect(rust.ops.slice(1)).toEqual([
      { type: "set-sender", transceiver: 7, trackId: camera.id, streams: [], byAddTrack: true },
      { type: "set-direction", transceiver: 7, direction: "sendrecv" },
    ]);
  });

  test("replaceTrack is silent between two tracks and checks the kind", async () => {
    const { pc } = open();
    const sender = pc.addTrack(track());
    await settled();
    const before = rust.ops.length;
    const other = track();
    await sender.replaceTrack(other);
    expect(sender.track).toBe(other);
    expect(rust.ops).toHaveLength(before);
    await sender.replaceTrack(null);
    expect(rust.ops.at(-1)).toMatchObject({ type: "set-sender", trackId: null });
    await expect(sender.replaceTrack(track("audio"))).rejects.toBeInstanceOf(TypeError);
  });

  test("frames flow once negotiated and connected, and no longer", async () => {
    const { pc } = open();
    pc.addTrack(track());
    rust.snapshot = stable({ transceivers: [lineSnapshot({ currentDirection: "sendonly" })] });
    await pc.setLocalDescription();
    expect(rust.told.map(({ type }) => type)).not.toContain("send");
    rust.emit({ type: "connection-state", pc: 1, state: "connected" });
    await settled();
    expect(rust.told.at(-1)).toMatchObject({ type: "send", pc: 1, transceiver: 1 });
    pc.close();
    expect(rust.told.map(({ type }) => type)).toContain("stop-sending");
  });
});

describe("close", () => {
  test("ends everything at once, without events", async () => {
    const { pc, log } = open();
    const transceiver = pc.addTransceiver("video");
    const channel = pc.createDataChannel("chat");
    pc.close();
    expect(pc).toMatchObject({
      signalingState: "closed",
      connectionState: "closed",
      iceConnectionState: "closed",
    });
    expect(transceiver.receiver.track.readyState).toBe("ended");
    expect(channel.readyState).toBe("closed");
    await expect(pc.createOffer()).rejects.toMatchObject({ name: "InvalidStateError" });
    expect(() => pc.createDataChannel("more")).toThrow(
      expect.objectContaining({ name: "InvalidStateError" }),
    );
    await settled();
    expect(log).toEqual([]);
  });
});

test("a data channel of the remote is open when the page hears of it, and its messages come after open", async () => {
  const { pc } = open();
  await settled();
  const heard: string[] = [];
  pc.addEventListener("datachannel", (event) => {
    const { channel } = event as RTCDataChannelEvent;
    heard.push(channel.readyState);
    channel.addEventListener("open", () => heard.push("open"));
    channel.addEventListener("message", ({ data }) => heard.push(data));
  });
  const media = rust.listeners.get(1);
  const channel = { pc: 1, channel: 3 };
  media?.channelMessage(3, "first", 5);
  media?.channelEvent({
    type: "channel",
    ...channel,
    label: "l",
    ordered: true,
    maxRetransmits: null,
    maxPacketLifeTime: null,
    protocol: "",
    id: 1,
  });
  media?.channelEvent({ type: "channel-state", ...channel, state: "open", id: 1, aborted: false });
  media?.channelMessage(3, "second", 6);
  expect(heard).toEqual(["open", "open", "first", "second"]);
});

test("a channel that opens before the page hears the answer sends what we take, then what the other takes", async () => {
  const { pc } = open();
  const channel = pc.createDataChannel("chat");
  rust.snapshot = stable({
    signalingState: "have-local-offer",
    pendingLocal: { type: "offer", sdp: "v=0\r\n" },
    sctp: { maxMessageSize: 65_536, role: null },
  });
  await pc.setLocalDescription();
  expect(pc.sctp?.maxMessageSize).toBe(65_536);
  const state = { pc: 1, channel: 1, state: "open" as const, id: 0, aborted: false };
  rust.listeners.get(1)?.channelEvent({ type: "channel-state", ...state });
  expect(channel.readyState).toBe("open");
  const large = new Uint8Array(100_000);
  channel.send(large);
  expect(() => channel.send(new Uint8Array(262_145))).toThrow(TypeError);

  rust.snapshot = stable({
    currentLocal: { type: "offer", sdp: "v=0\r\n" },
    currentRemote: { type: "answer", sdp: "v=0\r\n" },
    sctp: { maxMessageSize: 90_000, role: "client" },
  });
  await pc.setRemoteDescription({ type: "answer", sdp: "v=0\r\n" });
  rust.emit({ type: "sctp-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(pc.sctp?.state).toBe("connected"));
  expect(() => channel.send(large)).toThrow(TypeError);
});

test("a voice that was heard is a synchronization source for ten seconds, and as long as it is received", async () => {
  const { pc } = open();
  rust.snapshot = stable({
    signalingState: "have-remote-offer",
    pendingRemote: offer,
    transceivers: [lineSnapshot({ kind: "audio" })],
  });
  await pc.setRemoteDescription(offer);
  const receiver = pc.getReceivers()[0] as unknown as RTCRtpReceiver;
  expect(receiver.getSynchronizationSources()).toEqual([]);
  const clock = vi.spyOn(performance, "now");
  clock.mockReturnValue(5_000);
  rust.listeners.get(1)?.heard(1, { source: 7, rtpTimestamp: 960, audioLevel: 0.25 });
  const timestamp = performance.timeOrigin + 5_000;
  const expected = [{ source: 7, rtpTimestamp: 960, audioLevel: 0.25, timestamp }];
  expect(receiver.getSynchronizationSources()).toEqual(expected);
  clock.mockReturnValue(15_000);
  expect(receiver.getSynchronizationSources()).toEqual(expected);
  clock.mockReturnValue(15_001);
  expect(receiver.getSynchronizationSources()).toEqual([]);
  clock.mockRestore();
});

test("a server that gives no candidate is told of", async () => {
  const { pc } = open();
  const heard: RTCPeerConnectionIceErrorEvent[] = [];
  pc.addEventListener("icecandidateerror", (event) => heard.push(event as RTCPeerConnectionIceErrorEvent));
  await pc.createOffer();
  rust.emit({
    type: "ice-candidate-error",
    pc: 1,
    url: "turn:t.example",
    errorCode: 401,
    errorText: "Unauthorized",
  });
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  const [{ url, errorCode, errorText, address, port }] = heard as [RTCPeerConnectionIceErrorEvent];
  expect([url, errorCode, errorText, address, port]).toEqual([
    "turn:t.example",
    401,
    "Unauthorized",
    null,
    null,
  ]);
});
