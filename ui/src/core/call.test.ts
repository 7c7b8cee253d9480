import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Joined } from "../generated/Joined";
import type { PeerInfo } from "../generated/PeerInfo";
import type { ServerMessage } from "../generated/ServerMessage";
import {
  type Aside,
  type Call,
  type CallEffect,
  type CallEvent,
  overallQuality,
  type Seated,
  startCall,
  updateCall,
} from "./call";
import { LOST_MS } from "./roster";
import { writeLetter } from "./seal/letter";
import { type Member, World } from "./seal/world";

const SERVERS = [{ urls: ["stun:stun.example"] }];
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
    iceServers: SERVERS,
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

/** Of our own seat, in a room with a key. */
const OWN = {
  s: "S".repeat(22),
  nonce: "N".repeat(22),
  commit: createHash("sha256")
    .update(writeLetter({ type: "reveal", nonce: "N".repeat(22) }))
    .digest("hex"),
  fingerprint: "ef".repeat(32),
};

/** Plays events on a call and keeps what they caused. */
class Story {
  call: Call;
  effects: readonly CallEffect[];
  /** All since the start. */
  readonly seen: CallEffect[] = [];

  constructor(
    joined = seat("me1"),
    private readonly muted: readonly ("audio" | "video")[] = [],
    how: Seated | null = null,
  ) {
    [this.call, this.effects] = startCall(LINK, "join", joined, how, muted, 0);
  }

  play(event: CallEvent): this {
    [this.call, this.effects] = updateCall(this.call, event, this.muted);
    this.seen.push(...this.effects);
    return this;
  }

  hear(message: ServerMessage, now = 0, aside: Aside | null = null): this {
    return this.play({ type: "session", event: { type: "message", message }, aside, now });
  }

  reseat(joined: Joined, now = 0, aside: Aside | null = null): this {
    return this.play({ type: "session", event: { type: "joined", joined }, aside, now });
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
    const iceServers = SERVERS;
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
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ben1", polite: true, iceServers: SERVERS }]);
    expect(story.seats()).toEqual(["ann1: ann1 lost", "ben1: ben2 here"]);
    story.hear(came(peer("ann2", "ann")));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: false, iceServers: SERVERS }]);
    expect(story.seats()).toEqual(["ann1: ann2 here", "ben1: ben2 here"]);
  });

  test("nothing is sent to a seat that is lost, and nothing heard from it", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1").reseat(seat("me2"));
    story.play({
      type: "link-signal",
      key: "ann1",
      signal: { kind: "candidates", candidates: [{}], pc: "mine" },
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
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: true, iceServers: SERVERS }]);
    expect(story.seats()).toEqual(["ann1: ann1 here"]);
  });

  test("another's: its media goes on until it comes back", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1");
    story.hear({ type: "peer-left", peerId: "ann1", identity: "ann", reason: "timeout" });
    expect(story.effects).toEqual([]);
    story.hear(came(peer("ann2", "ann")));
    expect(story.effects).toEqual([{ do: "rebind-link", key: "ann1", polite: false, iceServers: SERVERS }]);
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
      aside: null,
      now: 1_000,
    });
    expect(story.call.connection).toEqual({ is: "reconnecting", retryAt: 1_500 });
    story.play({ type: "session", event: { type: "connecting", attempt: 1 }, aside: null, now: 1_500 });
    expect(story.call.connection.is).toBe("reconnecting");
    expect(
      story.play({ type: "session", event: { type: "resumed", replayed: 0 }, aside: null, now: 1_600 })
        .effects,
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

describe("a server that gives names away twice", () => {
  test("does not mix two people up", () => {
    const story = new Story(seat("me1", [peer("ann1", "ann")])).connect("ann1").reseat(seat("me2"));
    story.hear(came(peer("ann1", "eve")));
    expect(story.seats()).toEqual(["ann1: ann1 lost", "ann1 2: ann1 here"]);
  });
});

describe("a sealed call", () => {
  const own = { peerId: "me1", ...OWN };
  const begin = (peers: PeerInfo[] = []) =>
    new Story(seat("me1", peers), ["video"], { seat: own, name: "Me" });
  const secrets = (story: Story) => story.effects.map((effect) => effect.do);

  test("tells the server nothing of names and mutes, and opens no link before the key was shown", () => {
    const story = begin([peer("ann1")]);
    expect(secrets(story)).toEqual(["seal"]);
    expect(story.seats()).toEqual([]);
    expect(story.call.met).toEqual([]);
    story.play({ type: "mutes", before: [] });
    expect(story.effects).toEqual([]);
  });

  test("opens links for those who have shown the key, by their certificate", () => {
    const world = new World();
    const ann = world.join("Ann");
    const story = begin([peer(ann.seat)]);
    meetIn(world, ann, story);
    expect(story.call.peers).toMatchObject([{ key: ann.seat, name: "Ann", identity: ann.fingerprint }]);
    expect(story.call.met).toEqual(["Ann"]);
    expect(story.seen.filter(({ do: what }) => what === "open-link")).toMatchObject([
      { key: ann.seat, polite: true, offer: true },
    ]);
    story.play({
      type: "link-signal",
      key: ann.seat,
      signal: { kind: "candidates", candidates: [{}], pc: null },
    });
    expect(secrets(story)).toEqual(["seal"]);
    story.play({ type: "mutes", before: [] });
    expect(secrets(story)).toEqual(["seal"]);
  });

  test("a page on a new seat is the same by its certificate, and keeps its link", () => {
    const world = new World();
    const ann = world.join("Ann");
    const story = begin([peer(ann.seat)]);
    meetIn(world, ann, story);
    const [first] = story.call.peers;
    story.connect(first?.key ?? "");
    story.hear({ type: "peer-left", peerId: ann.seat, identity: "x", reason: "timeout" });
    expect(story.seats()).toEqual([`${ann.seat}: ${ann.seat} lost`]);
    ann.take("ann2", []);
    story.hear(came(peer("ann2")));
    meetIn(world, ann, story);
    expect(story.seats()).toEqual([`${first?.key}: ann2 here`]);
    expect(story.seen.filter(({ do: what }) => what === "rebind-link")).toEqual([
      { do: "rebind-link", key: first?.key, polite: false, iceServers: SERVERS },
    ]);
  });

  test.each([
    { type: "offer", from: "eve1", sdp: { type: "offer", sdp: "x" } },
    { type: "candidate", from: "eve1", candidate: { candidate: "c", sdpMid: "0" } },
    { type: "mute", from: "eve1", kind: "audio" },
    { type: "message", from: "eve1", data: "hello" },
  ] as ServerMessage[])("$type in clear is heard by nobody", (message) => {
    const story = begin([peer("eve1")]).hear(message);
    expect(story.effects).toEqual([]);
    expect(story.seats()).toEqual([]);
    expect(story.call.seal?.channels).toMatchObject([{ seat: "eve1", trust: "no-key" }]);
  });

  test("stays one on every seat: without a session of its own a new seat says nothing", () => {
    const story = begin([peer("ann1")]).reseat(seat("me2", [peer("ann1")]));
    expect(story.effects).toEqual([]);
    expect(story.call.seal).not.toBeNull();
  });

  test("one who does not show the key in time is told apart, but not while our own line is down", () => {
    const levels = (now: number): CallEvent => ({ type: "levels", self: null, remote: [], now });
    const story = begin([peer("eve1")]);
    const trust = () => story.call.seal?.channels.map((channel) => channel.trust);
    story.play({ type: "session", event: { type: "connecting", attempt: 1 }, aside: null, now: 1_000 });
    story.play(levels(60_000));
    expect(trust()).toEqual(["checking"]);
    story.play({ type: "session", event: { type: "resumed", replayed: 0 }, aside: null, now: 60_000 });
    story.play(levels(65_000));
    expect(trust()).toEqual(["checking"]);
    story.play(levels(71_000));
    expect(trust()).toEqual(["no-key"]);
  });

  test("shows the code that was made for those who are here", () => {
    const world = new World();
    const ann = world.join("Ann");
    const story = begin([peer(ann.seat)]);
    meetIn(world, ann, story);
    const gathered = story.call.seal?.gathered ?? "";
    expect(gathered).toContain(ann.fingerprint);
    story.play({ type: "code", gathered, bytes: new Uint8Array(16) });
    expect(story.call.seal?.code?.digits).toBe("000000");
    story.hear({ type: "peer-left", peerId: ann.seat, identity: "x", reason: "left" });
    expect(story.call.seal?.code).toBeNull();
    story.play({ type: "code", gathered, bytes: new Uint8Array(16) });
    expect(story.call.seal?.code).toBeNull();
  });

  /** Carries letters between our call and a member of a world until there are none left. */
  function meetIn(world: World, member: Member, story: Story): void {
    const post = (effects: readonly CallEffect[]) => {
      for (const effect of effects) if (effect.do === "seal") world.post(effect.header, effect.text);
    };
    if (!member.room.channels.some(({ seat }) => seat === "me1")) member.meets("me1");
    post(story.effects);
    for (let letters = world.seize(); letters.length > 0; letters = world.seize()) {
      for (const { from, to, data } of letters) {
        if (to === member.seat) member.hears(from, data);
        if (to !== "me1") continue;
        const opened = world.open(from, to, data);
        story.hear({ type: "message", from, data }, 0, { is: "opened", opened });
        post(story.effects);
      }
    }
  }
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
