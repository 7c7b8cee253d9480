// What a page sees of its connection while descriptions are made, set and undone.
import { beforeEach, expect, test, vi } from "vitest";
import type { Snapshot } from "../wire";
import { PeerConnection } from "./connection";
import { FakeRust, FakeTrack, installDom, lineSnapshot, sdp, stable } from "./fakes";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

const candidate = { candidate: "candidate:1 1 udp 1 10.0.0.1 5 typ host", sdpMid: "0", sdpMLineIndex: 0 };
const offer = () => ({ type: "offer" as const, sdp: sdp("sendrecv", "sendrecv") });
const answer = () => ({ type: "answer" as const, sdp: sdp("recvonly", "recvonly") });
const task = () => new Promise((resolve) => setTimeout(resolve, 5));
const lines = (...mids: (string | null)[]) =>
  mids.map((mid, index) => lineSnapshot({ transceiver: index + 1, mid, kind: index ? "audio" : "video" }));

function offered(changes: Partial<Snapshot> = {}): Snapshot {
  return stable({
    signalingState: "have-local-offer",
    pendingLocal: offer(),
    transceivers: lines("0", "1"),
    ...changes,
  });
}

function answered(): Snapshot {
  return stable({ currentLocal: offer(), currentRemote: answer(), transceivers: lines("0", "1") });
}

function caller(configuration: RTCConfiguration = {}) {
  const pc = new PeerConnection(configuration);
  pc.addTransceiver("video");
  pc.addTransceiver("audio");
  return pc;
}

beforeEach(() => {
  rust = new FakeRust();
});

test("a description keeps its candidates, and stays the same object, when it is agreed on", async () => {
  const pc = caller();
  rust.snapshot = offered();
  await pc.setLocalDescription();
  rust.emit({ type: "ice-candidate", pc: 1, candidate });
  rust.emit({ type: "ice-candidate", pc: 1, candidate: null });
  await vi.waitFor(() => expect(pc.localDescription?.sdp).toContain("a=end-of-candidates"));
  const pending = pc.pendingLocalDescription;
  expect(pending?.sdp).toContain(`a=${candidate.candidate}\r\n`);
  rust.snapshot = answered();
  await pc.setRemoteDescription(answer());
  expect(pc.currentLocalDescription).toBe(pending);
});

test("each of the engine's events has a task of its own", async () => {
  const pc = caller();
  rust.snapshot = offered();
  const log: string[] = [];
  pc.addEventListener("icecandidate", () => {
    log.push("candidate");
    Promise.resolve().then(() => log.push("reaction"));
  });
  const setting = pc.setLocalDescription().then(() => log.push("set"));
  await task();
  rust.emit({ type: "ice-candidate", pc: 1, candidate });
  rust.emit({ type: "ice-candidate", pc: 1, candidate: null });
  await setting;
  await vi.waitFor(() => expect(log).toHaveLength(5));
  expect(log).toEqual(["set", "candidate", "reaction", "candidate", "reaction"]);
});

test("sections stand on transports of their own until they are bundled", async () => {
  const pc = caller();
  const transports = () => pc.getSenders().map(({ transport }) => transport);
  expect(transports()).toEqual([null, null]);
  rust.snapshot = offered();
  await pc.setLocalDescription();
  const [first, second] = transports();
  expect(first).not.toBe(second);
  rust.snapshot = answered();
  await pc.setRemoteDescription(answer());
  expect(transports()).toEqual([first, first]);
  expect(second?.state).toBe("closed");
  expect(second?.iceTransport.state).toBe("closed");
});

test("with max-bundle there is one transport from the beginning, and none after a rollback", async () => {
  const pc = caller({ bundlePolicy: "max-bundle" });
  rust.snapshot = offered();
  await pc.setLocalDescription();
  const [first, second] = pc.getSenders();
  expect(first?.transport).toBe(second?.transport);
  expect(first?.transport).not.toBeNull();
  rust.snapshot = stable({ transceivers: lines(null, null) });
  await pc.setLocalDescription({ type: "rollback" });
  expect(pc.getSenders().map(({ transport }) => transport)).toEqual([null, null]);
});

test("a remote offer gives no transports; our answer does", async () => {
  const pc = new PeerConnection();
  rust.snapshot = stable({
    signalingState: "have-remote-offer",
    pendingRemote: offer(),
    transceivers: lines("0", "1"),
  });
  await pc.setRemoteDescription(offer());
  expect(pc.getReceivers().map(({ transport }) => transport)).toEqual([null, null]);
  rust.snapshot = stable({ currentRemote: offer(), currentLocal: answer(), transceivers: lines("0", "1") });
  await pc.setLocalDescription();
  const [first, second] = pc.getReceivers();
  expect(first?.transport).not.toBeNull();
  expect(first?.transport).toBe(second?.transport);
});

test("a transport checks nothing before the remote has a candidate", async () => {
  const pc = caller();
  rust.snapshot = offered();
  await pc.setLocalDescription();
  rust.snapshot = answered();
  await pc.setRemoteDescription(answer());
  rust.emit({ type: "ice-connection-state", pc: 1, state: "checking" });
  rust.emit({ type: "connection-state", pc: 1, state: "connecting" });
  await task();
  expect([pc.iceConnectionState, pc.connectionState]).toEqual(["new", "new"]);
  const waits = "candidate:2 1 tcp 1518214911 192.0.2.2 9 typ host tcptype passive";
  await pc.addIceCandidate({ candidate: waits, sdpMid: "0" });
  await task();
  expect(pc.iceConnectionState).toBe("new");
  await pc.addIceCandidate(candidate);
  await vi.waitFor(() => expect(pc.connectionState).toBe("connecting"));
  expect(pc.iceConnectionState).toBe("checking");
});

test("one that connects with candidates nobody told of has checked before", async () => {
  const pc = caller();
  const states: string[] = [];
  pc.addEventListener("iceconnectionstatechange", () => states.push(pc.iceConnectionState));
  rust.snapshot = offered();
  await pc.setLocalDescription();
  rust.emit({ type: "ice-connection-state", pc: 1, state: "checking" });
  rust.emit({ type: "ice-connection-state", pc: 1, state: "connected" });
  await vi.waitFor(() => expect(states).toEqual(["checking", "connected"]));
});

test("a replaced track is seen a task later, whatever the page did in between", async () => {
  const pc = new PeerConnection();
  const [one, other] = [new FakeTrack("video"), new FakeTrack("video")] as unknown as MediaStreamTrack[];
  const sender = pc.addTrack(one as MediaStreamTrack);
  const replaced = sender.replaceTrack(other as MediaStreamTrack);
  expect(sender.track).toBe(one);
  pc.removeTrack(sender);
  expect(sender.track).toBeNull();
  await replaced;
  expect(sender.track).toBe(other);
});

test("the end of candidates concerns a description without sections too", async () => {
  const pc = new PeerConnection();
  const empty = { type: "offer" as const, sdp: "v=0\r\n" };
  rust.snapshot = stable({ signalingState: "have-remote-offer", pendingRemote: empty });
  await pc.setRemoteDescription(empty);
  await pc.addIceCandidate();
  await expect(pc.addIceCandidate(candidate)).rejects.toMatchObject({ name: "OperationError" });
});

test("a sender's cname is the connection's, a receiver has none to tell", () => {
  const pc = caller();
  const names = pc.getSenders().map((sender) => sender.getParameters().rtcp.cname);
  expect(names[0]).toMatch(/^[A-Za-z0-9+/]{16}$/);
  expect(names[1]).toBe(names[0]);
  expect(pc.getReceivers()[0]?.getParameters().rtcp.cname).toBeUndefined();
});

test("statistics tell of data channels, and count those that opened and closed", async () => {
  const pc = new PeerConnection();
  const channel = pc.createDataChannel("chat", { protocol: "p", negotiated: true, id: 4 });
  await task();
  rust.answer = (op) =>
    op.type === "get-stats" ? [{ id: "P", type: "peer-connection", timestamp: 7 }] : undefined;
  const state = (is: RTCDataChannelState) =>
    rust.listeners.get(1)?.channelEvent({
      type: "channel-state",
      pc: 1,
      channel: 1,
      state: is,
      id: 4,
      aborted: false,
    });
  state("open");
  channel.send("ä");
  const entries = async () => [...(await pc.getStats()).values()];
  expect(await entries()).toEqual([
    expect.objectContaining({ type: "peer-connection", dataChannelsOpened: 1, dataChannelsClosed: 0 }),
    expect.objectContaining({
      type: "data-channel",
      label: "chat",
      protocol: "p",
      dataChannelIdentifier: 4,
      state: "open",
      messagesSent: 1,
      bytesSent: 2,
      messagesReceived: 0,
      bytesReceived: 0,
    }),
  ]);
  state("closed");
  expect(await entries()).toMatchObject([{ dataChannelsOpened: 1, dataChannelsClosed: 1 }]);
});

test("parameters name the codecs of the answer, in its order", async () => {
  const maps = "a=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:102 H264/90000\r\n";
  const section = (formats: string) =>
    `v=0\r\nm=video 9 X ${formats}\r\na=mid:0\r\na=sendrecv\r\n${maps}a=msid:s t\r\n`;
  const pc = new PeerConnection();
  const { sender } = pc.addTransceiver("video");
  const transceivers = [lineSnapshot({ currentDirection: "sendrecv", codecs: ["video/VP9", "video/VP8"] })];
  const currentLocal = { type: "offer" as const, sdp: section("96 98 102") };
  const currentRemote = { type: "answer" as const, sdp: section("98 96") };
  rust.snapshot = stable({ signalingState: "have-local-offer", pendingLocal: currentLocal, transceivers });
  await pc.setLocalDescription();
  rust.snapshot = stable({ currentLocal, currentRemote, transceivers });
  await pc.setRemoteDescription(currentRemote);
  const names = sender.getParameters().codecs.map(({ mimeType }) => mimeType);
  expect(names).toEqual(["video/VP9", "video/VP8"]);
});

test("a receiver tells whose voice or video was played, for ten seconds", async () => {
  const pc = new PeerConnection();
  const { receiver } = pc.addTransceiver("video");
  const transceivers = [lineSnapshot({ currentDirection: "sendrecv" })];
  rust.snapshot = stable({ currentLocal: offer(), currentRemote: offer(), transceivers });
  await pc.setLocalDescription();
  const before = performance.timeOrigin + performance.now();
  rust.listeners.get(1)?.heard(1, { source: 5, rtpTimestamp: 6 });
  const [source] = receiver.getSynchronizationSources();
  expect(source).toEqual({ source: 5, rtpTimestamp: 6, timestamp: expect.any(Number) });
  expect(source?.timestamp).toBeGreaterThanOrEqual(before);
  const later = performance.now() + 10_001;
  const clock = vi.spyOn(performance, "now").mockReturnValue(later);
  expect(receiver.getSynchronizationSources()).toEqual([]);
  clock.mockRestore();
});

test("what is stopped has no streams to tell of", async () => {
  const pc = new PeerConnection();
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  const transceiver = pc.addTransceiver(track);
  const transceivers = [lineSnapshot({ currentDirection: "sendrecv" })];
  rust.snapshot = stable({ currentLocal: offer(), currentRemote: answer(), transceivers });
  await pc.setLocalDescription();
  rust.answer = (op) =>
    op.type === "get-stats" ? [{ id: "O", type: "outbound-rtp", timestamp: 7, mid: "0" }] : undefined;
  expect((await transceiver.sender.getStats()).size).toBe(1);
  expect((await pc.getStats(track)).size).toBe(1);
  transceiver.stop();
  expect((await transceiver.sender.getStats()).size).toBe(0);
  expect((await pc.getStats(track)).size).toBe(0);
});

test("a track that is added while an offer is being set goes by the section that it offers", async () => {
  const pc = new PeerConnection();
  rust.snapshot = stable({
    signalingState: "have-remote-offer",
    pendingRemote: offer(),
    transceivers: [lineSnapshot({ transceiver: 1 })],
  });
  const setting = pc.setRemoteDescription(offer());
  const sender = pc.addTrack(new FakeTrack("video") as unknown as MediaStreamTrack);
  await setting;
  expect(rust.types().slice(0, 2)).toEqual(["add-transceiver", "set-remote"]);
  expect(pc.getTransceivers().map((one) => one.sender)).toEqual([sender]);
});
