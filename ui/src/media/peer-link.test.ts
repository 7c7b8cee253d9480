import { beforeEach, expect, test, vi } from "vitest";
import { budgetFor } from "../core/budget";
import type { LinkState } from "../core/ports";
import type { LinkSignal } from "../core/signal";
import { PeerLink } from "./peer-link";
import { Streams } from "./streams";

/** As much of an `RTCPeerConnection` as offers and answers need. */
class FakeConnection {
  static made: FakeConnection[] = [];
  signalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  remote: string[] = [];
  candidates: unknown[] = [];
  restarts = 0;
  closed = false;
  onnegotiationneeded: (() => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  private transceivers: FakeTransceiver[] = [];

  constructor(private configuration: RTCConfiguration) {
    FakeConnection.made.push(this);
  }

  addTransceiver(kind: string): FakeTransceiver {
    if (this.transceivers.length === 0) queueMicrotask(() => this.onnegotiationneeded?.());
    return this.section(kind, null);
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  async setLocalDescription(): Promise<void> {
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.localDescription = { type, sdp: `${type} of ${FakeConnection.made.indexOf(this)}` };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    for (const [i, transceiver] of this.transceivers.entries()) transceiver.mid ??= String(i);
  }

  async setRemoteDescription({ type, sdp }: { type: string; sdp: string }): Promise<void> {
    this.remote.push(sdp);
    this.remoteDescription = { type, sdp };
    this.signalingState = type === "offer" ? "have-remote-offer" : "stable";
    if (type !== "offer" || this.transceivers.some(({ mid }) => mid !== null)) return;
    for (const [i, kind] of ["audio", "video"].entries()) this.section(kind, String(i));
  }

  async addIceCandidate(candidate: unknown): Promise<void> {
    this.candidates.push(candidate);
  }

  restartIce(): void {
    this.restarts += 1;
    this.onnegotiationneeded?.();
  }

  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  close(): void {
    this.closed = true;
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  private section(kind: string, mid: string | null): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, mid);
    this.transceivers.push(transceiver);
    return transceiver;
  }
}

class FakeTransceiver {
  direction = "recvonly";
  stopped = false;
  readonly receiver: { track: { kind: string } };
  readonly sender = {
    track: null as unknown,
    parameters: { encodings: [{}] as RTCRtpEncodingParameters[] },
    replaceTrack: async (track: unknown) => {
      this.sender.track = track;
    },
    getParameters: () => structuredClone(this.sender.parameters),
    setParameters: async (parameters: { encodings: RTCRtpEncodingParameters[] }) => {
      this.sender.parameters = parameters;
    },
  };

  constructor(
    kind: string,
    public mid: string | null,
  ) {
    this.receiver = { track: { kind } };
  }

  stop(): void {
    this.stopped = true;
  }
}

vi.stubGlobal("RTCPeerConnection", FakeConnection);
beforeEach(() => {
  FakeConnection.made = [];
});

const turn = () => new Promise((done) => setImmediate(done));
const voice = { kind: "audio" } as MediaStreamTrack;

function link(how: { polite: boolean; offer: boolean }) {
  const sent: LinkSignal[] = [];
  const states: LinkState[] = [];
  const made = new PeerLink(
    { ...how, iceServers: [], certificate: null, budget: budgetFor(1) },
    { audio: voice, video: null },
    new Streams(() => {}),
    {
      signal: (signal) => sent.push(signal),
      state: (state) => states.push(state),
      streams: () => {},
      made: () => {},
    },
  );
  return { link: made, sent, states };
}

const offer = (pc: string | null, to: string | null = null): LinkSignal => ({
  kind: "offer",
  sdp: `from ${pc}`,
  pc,
  to,
});
const pcOf = (signal: LinkSignal | undefined) => signal?.pc ?? "";

test("the later seat offers, and its offer names its connection", async () => {
  const { sent } = link({ polite: true, offer: true });
  await turn();
  expect(sent).toMatchObject([{ kind: "offer", sdp: "offer of 0", to: null }]);
  expect(FakeConnection.made[0]?.getTransceivers().map(({ sender }) => sender.track)).toEqual([voice, null]);
});

test("the answering side sends too, both ways, in the sections of the offer", async () => {
  const { link: there, sent } = link({ polite: false, offer: false });
  there.receive(offer("b1"));
  await turn();
  expect(sent).toMatchObject([{ kind: "answer", to: "b1" }]);
  const sections = FakeConnection.made[0]?.getTransceivers() ?? [];
  expect(sections.map(({ direction, sender }) => [direction, sender.track])).toEqual([
    ["sendrecv", voice],
    ["sendrecv", null],
  ]);
});

test("an offer from a new connection replaces ours, and what the old one still sends is dropped", async () => {
  const { link: there, sent, states } = link({ polite: false, offer: false });
  there.receive(offer("b1"));
  await turn();
  there.receive(offer("b2"));
  there.receive({ kind: "candidates", candidates: [{ candidate: "old", sdpMid: "0" }], pc: "b1" });
  there.receive({ kind: "candidates", candidates: [{ candidate: "new", sdpMid: "0" }], pc: "b2" });
  await turn();
  const [first, second] = FakeConnection.made;
  expect([first?.closed, second?.remote, second?.candidates]).toEqual([
    true,
    ["from b2"],
    [{ candidate: "new", sdpMid: "0" }],
  ]);
  expect(sent.at(-1)).toMatchObject({ kind: "answer", to: "b2" });
  expect(pcOf(sent[0])).not.toBe(pcOf(sent.at(-1)));
  expect(states).toEqual(["new"]);
});

test("an offer that is meant for a connection of the past is met with an offer", async () => {
  const { link: there, sent } = link({ polite: false, offer: false });
  there.receive(offer("b1", "long gone"));
  await turn();
  expect(FakeConnection.made[0]?.remote).toEqual([]);
  expect(sent).toMatchObject([{ kind: "offer", to: null }]);
});

test("an answer to another connection of ours is no answer", async () => {
  const { link: there } = link({ polite: true, offer: true });
  await turn();
  there.receive({ kind: "answer", sdp: "late", pc: "b1", to: "long gone" });
  await turn();
  expect(FakeConnection.made[0]?.remote).toEqual([]);
});

test("a tutorial's client, which names nothing, is never taken for another", async () => {
  const { link: there } = link({ polite: false, offer: false });
  there.receive(offer(null));
  await turn();
  there.receive(offer(null));
  await turn();
  expect(FakeConnection.made).toHaveLength(1);
});

test("a new seat leaves living media alone, repeats an open offer, and restarts what is broken", async () => {
  const { link: there, sent } = link({ polite: true, offer: true });
  await turn();
  const [pc] = FakeConnection.made;
  there.rebind(true, []);
  expect(sent.map(({ kind }) => kind)).toEqual(["offer", "offer"]);
  there.receive({ kind: "answer", sdp: "a", pc: "b1", to: pcOf(sent[0]) });
  await turn();
  pc?.becomes("connected");
  const fresh = [{ urls: ["turn:192.0.2.1"], username: "later" }];
  there.rebind(false, fresh);
  expect([sent.length, pc?.restarts]).toEqual([2, 0]);
  expect(pc?.getConfiguration()).toEqual({ bundlePolicy: "max-bundle", iceServers: fresh });
  pc?.becomes("failed");
  there.rebind(false, fresh);
  await turn();
  // The restart's offer, and once more for the new seat.
  expect([sent.length, pc?.restarts]).toEqual([4, 1]);
  expect(FakeConnection.made).toHaveLength(1);
});

test("a change of the network and a loss of the way restart at once; the one who sits there longer goes first", async () => {
  for (const { polite, restarts } of [
    { polite: false, restarts: 1 },
    { polite: true, restarts: 0 },
  ]) {
    FakeConnection.made = [];
    const { link: there, sent } = link({ polite, offer: true });
    await turn();
    const [pc] = FakeConnection.made;
    there.networkChanged();
    expect(pc?.restarts, "nothing is agreed that could be restarted").toBe(0);
    there.receive({ kind: "answer", sdp: "a", pc: "b1", to: pcOf(sent[0]) });
    await turn();
    pc?.becomes("connected");
    pc?.becomes("disconnected");
    expect(pc?.restarts).toBe(restarts);
    await turn();
    there.networkChanged();
    expect(pc?.restarts, "a hint is no matter of politeness").toBe(restarts + 1);
  }
});

test("the first candidate of a burst goes at once, the rest together", async () => {
  vi.useFakeTimers();
  try {
    const { sent } = link({ polite: false, offer: false });
    const find = (candidate: string) =>
      FakeConnection.made[0]?.onicecandidate?.({
        candidate: { candidate, toJSON: () => ({ candidate, sdpMid: "0" }) },
      });
    for (const name of ["a", "b", "c"]) find(name);
    const names = () =>
      sent.map((signal) =>
        signal.kind === "candidates" ? signal.candidates.map(({ candidate }) => candidate).join() : "",
      );
    expect(names()).toEqual(["a"]);
    vi.runAllTimers();
    expect(names()).toEqual(["a", "b,c"]);
    find("d");
    expect(names()).toEqual(["a", "b,c", "d"]);
  } finally {
    vi.useRealTimers();
  }
});

test("the picture costs what is allowed, whoever offered, and the sound is left alone", async () => {
  const offering = link({ polite: true, offer: true });
  const answering = link({ polite: false, offer: false });
  answering.link.receive(offer("b1"));
  await turn();
  for (const { link: one } of [offering, answering]) one.setBudget(budgetFor(4));
  for (const pc of FakeConnection.made) {
    const [audio, video] = pc.getTransceivers();
    expect(audio?.sender.parameters.encodings).toEqual([{}]);
    expect(video?.sender.parameters.encodings).toEqual([budgetFor(4)]);
  }
});

test("a connection that is made anew costs what is allowed now", async () => {
  const { link: here } = link({ polite: true, offer: true });
  await turn();
  here.setBudget(budgetFor(3));
  here.receive({ kind: "answer", sdp: "x", pc: "b1", to: null });
  await turn();
  here.receive(offer("b2"));
  await turn();
  const video = FakeConnection.made.at(-1)?.getTransceivers()[1];
  expect(FakeConnection.made.length).toBe(2);
  expect(video?.sender.parameters.encodings).toEqual([budgetFor(3)]);
});
