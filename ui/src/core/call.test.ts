import { describe, expect, test } from "vitest";
import type { Joined } from "../generated/Joined";
import type { PeerInfo } from "../generated/PeerInfo";
import type { ServerMessage } from "../generated/ServerMessage";
import { type Call, type CallEffect, type CallEvent, overallQuality, startCall, updateCall } from "./call";
import { LOST_MS } from "./roster";

const LINK = { server: "https://snug.example", roomId: "room", secret: null };

function seat(peerId: string, peers: PeerInfo[] = []): Joined {
  return {
    peerId,
    roomId: "room",
    identity: "me",
    role: "member",
    peers,
    resumeToken: "token",
    graceMs: 30_000,
    heartbeatMs: 10_000,
    iceServers: [{ urls: ["stun:stun.example"] }],
    topology: "mesh",
    capacity: 64,
    locked: false,
    seq: 1,
    protocol: 1,
  };
}

function peer(peerId: string, identity = peerId, more: Partial<PeerInfo> = {}): PeerInfo {
  return { peerId, identity, name: identity, role: "member", away: false, muted: [], ...more };
}

/** Plays events on a call and keeps what they caused. */
class Story {
  call: Call;
  effects: readonly CallEffect[];

  constructor(
    joined = seat("me1"),
    private readonly muted: readonly ("audio" | "video")[] = [],
  ) {
    [this.call, this.effects] = startCall(LINK, "join", joined, muted, 0);
  }

  play(event: CallEvent): this {
    [this.call, this.effects] = updateCall(this.call, event, this.muted);
    return this;
  }

  hear(message: ServerMessage, now = 0): this {
    return this.play({ type: "session", event: { type: "message", message }, now });
  }

  reseat(joined: Joined, now = 0): this {
    return this.play({ type: "session", event: { type: "joined", joined }, now });
  }

  connect(key: string): this {
    return this.play({ type: "link-state", key, state: "connected", now: 0 });
  }

  seats(): string[] {
    return this.call.peers.map(({ key, peerId, seat }) => `${key}: ${peerId} ${seat.is}`);
  }
}

const came = (info: PeerInfo): ServerMessage => ({ type: "peer-joined", ...info });

describe("the roster", () => {
  test("the later seat is polite and offers; the earlier one waits", () => {
    const story = new Story(seat("me1", [peer("ann1")]));
    const iceServers = [{ urls: ["stun:stun.example"] }];
    expect(story.effects).toEqual([{ do: "open-link", key: "ann1", polite: true, offer: true, iceServers }]);
    story.hear(came(peer("ben1")));
    expect(story.effects).toEqual([
      { do: "open-link", key: "ben1", polite: false, offer: false, iceServers },
    ]);
    expect(story.call.met).toEqual(["ann1", "ben1"]);
  });

  test("a fresh seat says what is muted", () => {
    expect(new Story(seat("me1"), ["video"]).effects).toEqual([
      { do: "send", message: { type: "mute", kind: "video" } },
    ]);
  });

  test("one who leaves is gone at once", () => {
    const story = new Story(seat("me1", [peer("ann1")]));
    story.hear({ type: "peer-left", peerId: "ann1", identity: "ann1", reason: "left" });
    expect(story.effects).toEqual([{ do: "close-link", key: "ann1" }]);
    expect(story.call.peers).toEqual([]);
  });

  test("away and back touch no link", () => {
    const story = new Story(seat("me1", [peer("ann1")]));
    expect(story.hear({ type: "peer-away", peerId: "ann1" }).effects).toEqual([]);
    expect(story.seats()).toEqual(["ann1: ann1 away"]);
    expect(story.hear({ type: "peer-back", peerId: "ann1" }).effects).toEqual([]);
    expect(story.seats()).toEqual(["ann1: ann1 here"]);
  });

  test("mute and unmute", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann", { muted: ["audio"] })]));
    const muted = () => story.call.peers[0]?.muted;
    story.hear({ type: "mute", from: "ann1", kind: "video" });
    expect(muted()).toEqual(["audio", "video"]);
    story
      .hear({ type: "mute", from: "ann1", kind: "video" })
      .hear({ type: "unmute", from: "ann1", kind: "audio" });
    expect(muted()).toEqual(["video"]);
  });

  test("messages about nobody change nothing", () => {
    const story = new Story();
    const before = story.call;
    for (const type of ["peer-away", "peer-back"] as const) story.hear({ type, peerId: "ghost" });
    story.hear({ type: "peer-left", peerId: "ghost", identity: "ghost", reason: "left" });
    story.hear({ type: "offer", from: "ghost", sdp: { type: "offer", sdp: "x" } });
    expect(story.effects).toEqual([]);
    expect(story.call).toBe(before);
  });
});

describe("signals", () => {
  test("go to the peer's present seat and come from it", () => {
    const story = new Story(seat("me1", [peer("ann1")]));
    story.play({
      type: "link-signal",
      key: "ann1",
      signal: { kind: "offer", sdp: "o", pc: "mine", to: null },
    });
    expect(story.effects).toEqual([
      { do: "send", message: { type: "offer", sdp: { type: "offer", sdp: "o", pc: "mine" }, to: "ann1" } },
    ]);
    story.hear({ type: "answer", from: "ann1", sdp: { type: "answer", sdp: "a", pc: "hers", to: "mine" } });
    expect(story.effects).toEqual([
      { do: "signal", key: "ann1", signal: { kind: "answer", sdp: "a", pc: "hers", to: "mine" } },
    ]);
  });

  test.each([
    { type: "offer", from: "ann1", sdp: 7 },
    { type: "offer", from: "ann1", sdp: { type: "offer", sdp: {} } },
    { type: "candidate", from: "ann1", candidate: null },
    { type: "candidate", from: "ann1", candidate: { candidate: "c" } },
  ] as ServerMessage[])("what is none is dropped: %j", (message) => {
    expect(new Story(seat("me1", [peer("ann1")])).hear(message).effects).toEqual([]);
  });
});

describe("a server that was started anew", () => {
  test("those who came back before us keep their links under their new seats", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann"), peer("ben1", "ben")]))
      .connect("ann1")
      .connect("ben1");
    story.reseat(seat("me2", [peer("ben2", "ben")]));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ben1", polite: true }]);
    expect(story.seats()).toEqual(["ann1: ann1 lost", "ben1: ben2 here"]);
    story.hear(came(peer("ann2", "ann")));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: false }]);
    expect(story.seats()).toEqual(["ann1: ann2 here", "ben1: ben2 here"]);
  });

  test("nothing is sent to a seat that is lost, and nothing heard from it", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1").reseat(seat("me2"));
    story.play({
      type: "link-signal",
      key: "ann1",
      signal: { kind: "candidate", candidate: {}, pc: "mine" },
    });
    expect(story.effects).toEqual([]);
    story.hear({ type: "offer", from: "ann1", sdp: { type: "offer", sdp: "x" } });
    expect(story.effects).toEqual([]);
  });

  test("a page that was reloaded is somebody new", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1").reseat(seat("me2"));
    story.hear(came(peer("ann2", "ann reloaded")));
    expect(story.effects).toMatchObject([{ do: "open-link", key: "ann2" }]);
    expect(story.seats()).toEqual(["ann1: ann1 lost", "ann2: ann2 here"]);
  });

  test("a lost one stays as long as its media, and goes with it", () => {
    const tick = (now: number) => ({ type: "samples" as const, samples: [], now });
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1").reseat(seat("me2"), 1_000);
    story.play(tick(1_000 + 10 * LOST_MS));
    expect(story.seats()).toEqual(["ann1: ann1 lost"]);
    story.play({ type: "link-state", key: "ann1", state: "disconnected", now: 0 });
    story.play(tick(1_000 + LOST_MS));
    expect(story.effects).toEqual([]);
    story.play(tick(1_001 + LOST_MS));
    expect(story.effects).toEqual([{ do: "close-link", key: "ann1" }]);
    expect(story.seats()).toEqual([]);
  });
});

describe("seats that run out", () => {
  test("ours: the others are the same under the same seats, and we are the later ones now", () => {
    const story = new Story(seat("me1")).hear(came(peer("ann1", "ann"))).connect("ann1");
    story.reseat(seat("me2", [peer("ann1", "ann")]));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: true }]);
    expect(story.seats()).toEqual(["ann1: ann1 here"]);
  });

  test("another's: its media goes on until it comes back", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1");
    story.hear({ type: "peer-left", peerId: "ann1", identity: "ann", reason: "timeout" });
    expect(story.effects).toEqual([]);
    story.hear(came(peer("ann2", "ann")));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: false }]);
  });

  test("one who sits cannot be replaced by another who claims to be the same", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1");
    story.hear(came(peer("eve1", "ann")));
    expect(story.effects).toMatchObject([{ do: "open-link", key: "eve1" }]);
    expect(story.seats()).toEqual(["ann1: ann1 here", "eve1: eve1 here"]);
  });
});

describe("the connection to the server", () => {
  test("away, connecting, resumed", () => {
    const story = new Story();
    story.play({
      type: "session",
      event: { type: "away", attempt: 1, retryInMs: 500, reason: "closed" },
      now: 1_000,
    });
    expect(story.call.connection).toEqual({ is: "reconnecting", retryAt: 1_500 });
    story.play({ type: "session", event: { type: "connecting", attempt: 1 }, now: 1_500 });
    expect(story.call.connection.is).toBe("reconnecting");
    expect(
      story.play({ type: "session", event: { type: "resumed", replayed: 0 }, now: 1_600 }).effects,
    ).toEqual([]);
    expect(story.call.connection).toEqual({ is: "live" });
  });
});

test("how a call was, over all its seconds", () => {
  const story = new Story(seat("me1", [peer("ann1")]));
  expect(overallQuality(story.call)).toBe("good");
  const second = (loss: number) => ({
    type: "samples" as const,
    samples: [{ key: "ann1", rttMs: 20, loss }],
    now: 0,
  });
  for (let i = 0; i < 80; i++) story.play(second(0));
  for (let i = 0; i < 20; i++) story.play(second(0.05));
  expect(overallQuality(story.call)).toBe("fair");
  for (let i = 0; i < 40; i++) story.play(second(0.5));
  expect(overallQuality(story.call)).toBe("poor");
});

describe("the door", () => {
  const knock = (peerId: string, name?: string): ServerMessage => ({
    type: "knock",
    peerId,
    identity: peerId,
    ...(name === undefined ? {} : { name }),
  });

  test("those who knock are answered in the order of their coming", () => {
    const story = new Story().hear(knock("k1", "Ada")).hear(knock("k2")).hear(knock("k1", "Ada"));
    expect(story.call.knocks).toEqual([
      { peerId: "k2", name: "" },
      { peerId: "k1", name: "Ada" },
    ]);
    story.play({ type: "answer-knock", admit: true });
    expect(story.effects).toEqual([{ do: "send", message: { type: "admit", peerId: "k2" } }]);
    story.play({ type: "answer-knock", admit: false });
    expect(story.effects).toEqual([{ do: "send", message: { type: "deny", peerId: "k1" } }]);
    expect(story.play({ type: "answer-knock", admit: true }).effects).toEqual([]);
  });

  test("one who went away, or whom another let in, is forgotten, and all are with a fresh seat", () => {
    const story = new Story().hear(knock("k1")).hear(knock("k2")).hear({ type: "knock-gone", peerId: "k1" });
    expect(story.call.knocks.map(({ peerId }) => peerId)).toEqual(["k2"]);
    expect(story.reseat(seat("me2")).call.knocks).toEqual([]);
  });

  test("a wish to mute says nothing of the one who wishes", () => {
    const story = new Story(seat("me1", [peer("p1")]));
    story.hear({ type: "mute", from: "p1", kind: "audio", to: "me1" });
    expect(story.call.peers.map(({ muted }) => muted)).toEqual([[]]);
  });
});
