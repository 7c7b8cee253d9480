// How transceivers end (WebRTC 5.4, `stop`, and 4.4.1.5): at this end's word, or at the remote's.
import { beforeEach, expect, test, vi } from "vitest";
import type { Snapshot } from "../wire";
import { PeerConnection } from "./connection";
import { FakeRust, installDom, lineSnapshot, sdp, stable } from "./fakes";

let rust: FakeRust;
vi.mock("./runtime", () => ({ runtime: () => rust.runtime() }));
installDom();

const offer = { type: "offer" as const, sdp: sdp("sendrecv") };
const answer = { type: "answer" as const, sdp: sdp("sendrecv") };
const rejected = (type: "offer" | "answer") => ({ type, sdp: sdp("sendrecv").replace(" 9 ", " 0 ") });
const stopped = { direction: "stopped", currentDirection: "stopped", stopped: true } as const;

beforeEach(() => {
  rust = new FakeRust();
});

/** A transceiver that the remote's description made, and that was agreed on. */
async function callee() {
  const pc = new PeerConnection();
  const transceivers = [lineSnapshot({ direction: "recvonly" })];
  rust.snapshot = stable({ signalingState: "have-remote-offer", pendingRemote: offer, transceivers });
  await pc.setRemoteDescription(offer);
  const agreed = [lineSnapshot({ direction: "recvonly", currentDirection: "recvonly" })];
  const settled: Snapshot = stable({ currentRemote: offer, currentLocal: answer, transceivers: agreed });
  rust.snapshot = settled;
  await pc.setLocalDescription();
  const [transceiver] = pc.getTransceivers();
  if (!transceiver) throw new Error("there is no transceiver");
  return { pc, transceiver, settled };
}

/** The remote offers that it stops the transceiver. */
async function refused() {
  const { pc, transceiver, settled } = await callee();
  const transceivers = [lineSnapshot(stopped)];
  const pendingRemote = rejected("offer");
  rust.snapshot = { ...settled, signalingState: "have-remote-offer", pendingRemote, transceivers };
  await pc.setRemoteDescription(pendingRemote);
  return { pc, transceiver };
}

test("a track ends in a task of its own", async () => {
  const pc = new PeerConnection();
  const transceiver = pc.addTransceiver("video");
  const { track } = transceiver.receiver;
  const events: string[] = [];
  for (const type of ["mute", "ended"]) track.addEventListener(type, () => events.push(type));
  transceiver.stop();
  expect(track.readyState).toBe("live");
  await vi.waitFor(() => expect(track.readyState).toBe("ended"));
  expect(events).toEqual(["ended"]);
  expect(transceiver.direction).toBe("stopped");
  expect(transceiver.currentDirection).toBeNull();
});

test("what was stopped here is one of the transceivers until its section is rejected", async () => {
  const { pc, transceiver, settled } = await callee();
  transceiver.stop();
  const stopping = [lineSnapshot({ direction: "stopped", currentDirection: "recvonly" })];
  const pendingLocal = rejected("offer");
  rust.snapshot = { ...settled, signalingState: "have-local-offer", pendingLocal, transceivers: stopping };
  await pc.setLocalDescription();
  expect(pc.getTransceivers()).toEqual([transceiver]);
  expect([transceiver.mid, transceiver.currentDirection]).toEqual(["0", "recvonly"]);
  const currentRemote = rejected("answer");
  rust.snapshot = stable({
    currentLocal: pendingLocal,
    currentRemote,
    transceivers: [lineSnapshot(stopped)],
  });
  await pc.setRemoteDescription(currentRemote);
  expect(pc.getTransceivers()).toEqual([]);
  expect([transceiver.mid, transceiver.direction, transceiver.currentDirection]).toEqual([
    null,
    "stopped",
    "stopped",
  ]);
});

test("what the remote stops is stopped at once, and leaves with our answer", async () => {
  const { pc, transceiver } = await refused();
  expect(transceiver.receiver.track.readyState).toBe("live");
  expect(pc.getTransceivers()).toEqual([transceiver]);
  expect([transceiver.mid, transceiver.currentDirection]).toEqual(["0", "stopped"]);
  await vi.waitFor(() => expect(transceiver.receiver.track.readyState).toBe("ended"));
  const currentRemote = rejected("offer");
  const currentLocal = rejected("answer");
  rust.snapshot = stable({ currentLocal, currentRemote, transceivers: [lineSnapshot(stopped)] });
  await pc.setLocalDescription();
  expect([pc.getTransceivers(), pc.getSenders(), pc.getReceivers()]).toEqual([[], [], []]);
  expect(transceiver.mid).toBeNull();
});

test("no rollback brings it back", async () => {
  const { pc, transceiver } = await refused();
  const transceivers = [lineSnapshot({ direction: "stopped", currentDirection: "recvonly" })];
  rust.snapshot = stable({ currentRemote: offer, currentLocal: answer, transceivers });
  await pc.setRemoteDescription({ type: "rollback" });
  expect(pc.getTransceivers()).toEqual([transceiver]);
  expect([transceiver.mid, transceiver.direction, transceiver.currentDirection]).toEqual([
    "0",
    "stopped",
    "stopped",
  ]);
});

test("its track leaves the remote's stream before it is gone", async () => {
  const { pc, transceiver, settled } = await callee();
  const streams: MediaStream[] = [];
  const silent = [lineSnapshot({ direction: "recvonly", currentDirection: "inactive" })];
  pc.addEventListener("track", (event) => streams.push(...(event as RTCTrackEvent).streams));
  rust.snapshot = { ...settled, transceivers: silent };
  await pc.setLocalDescription();
  rust.snapshot = settled;
  await pc.setLocalDescription();
  const removed: unknown[] = [];
  streams[0]?.addEventListener("removetrack", (event) =>
    removed.push((event as MediaStreamTrackEvent).track),
  );
  const transceivers = [lineSnapshot(stopped)];
  rust.snapshot = stable({
    currentLocal: rejected("offer"),
    currentRemote: rejected("answer"),
    transceivers,
  });
  await pc.setLocalDescription({ type: "offer" });
  expect(removed).toEqual([transceiver.receiver.track]);
});
