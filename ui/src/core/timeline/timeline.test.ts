import { describe, expect, test } from "vitest";
import type { Joined } from "../../generated/Joined";
import type { ServerMessage } from "../../generated/ServerMessage";
import { type App, type AppEvent, type Effect, newApp, update } from "../app";
import { NOTHING_KNOWN } from "../doctor/facts";
import { linkFacts, type Watch, watch } from "../doctor/watch";
import type { RoomLink } from "../link";
import type { LinkSignal } from "../signal";
import { report } from "./report";
import { MOST_ENTRIES, newTimeline, numberOf, record, recordLink, type Timeline } from "./timeline";

/** Whatever must never be read in a report carries this. */
const SECRET = "qqSECRETqq";
const LINK: RoomLink = { server: `https://${SECRET}.example`, roomId: `room-${SECRET}`, secret: null };
const JOINED: Joined = {
  peerId: `me-${SECRET}`,
  roomId: LINK.roomId,
  identity: `me-${SECRET}`,
  role: "member",
  peers: [
    {
      peerId: `ben-${SECRET}`,
      identity: `ben-${SECRET}`,
      name: `Ben ${SECRET}`,
      role: "member",
      away: false,
      muted: [],
    },
  ],
  resumeToken: `token-${SECRET}`,
  graceMs: 30_000,
  heartbeatMs: 10_000,
  iceServers: [{ urls: [`turn:${SECRET}`], username: SECRET, credential: SECRET }],
  topology: "mesh",
  capacity: 64,
  locked: false,
  seq: 1,
  protocol: 1,
};
const BEN = `ben-${SECRET}`;
const sdp = `v=0\r\no=${SECRET}\r\na=candidate:1 1 udp 1 ${SECRET} 1 typ host\r\na=candidate:2 1 udp 1 ${SECRET} 2 typ host\r\n`;
const offer: LinkSignal = { kind: "offer", sdp, pc: SECRET, to: null };
const candidates: LinkSignal = {
  kind: "candidates",
  candidates: [{ candidate: `candidate:${SECRET}`, sdpMid: "0", sdpMLineIndex: 0 }],
  pc: SECRET,
};

class Story {
  app: App = newApp(
    {
      settings: { lang: "en", theme: "system", name: `Ann ${SECRET}`, server: null, sounds: true },
      recent: [],
      devices: {
        microphone: { on: true, deviceId: null },
        camera: { on: true, deviceId: null },
        speaker: null,
      },
    },
    { defaultServer: null, identity: SECRET },
  );
  now = 1_000;
  timeline: Timeline = newTimeline(this.now);
  links: Watch = [];

  play(...events: AppEvent[]): this {
    for (const event of events) {
      this.now += 10;
      const [next, effects]: readonly [App, readonly Effect[]] = update(this.app, event);
      this.timeline = record(this.timeline, this.app, event, next, effects, this.now);
      this.links = watch(this.links, event, effects, this.now);
      this.app = next;
    }
    return this;
  }

  hear(message: ServerMessage): this {
    return this.play({
      type: "session",
      joinId: "j",
      event: { type: "message", message },
      aside: null,
      now: this.now,
    });
  }

  say(signal: LinkSignal): this {
    return this.play({ type: "media", event: { type: "link-signal", key: BEN, signal } });
  }

  link(state: "connected" | "disconnected"): this {
    return this.play({ type: "media", event: { type: "link-state", key: BEN, state, now: this.now } });
  }

  /** `way what peer note`, without what came before the seat. */
  get lines(): string[] {
    return this.timeline.entries.map(({ way, what, peer, note }) =>
      [way, what, ...(peer === null ? [] : [`#${peer}`]), ...(note === "" ? [] : [note])].join(" "),
    );
  }

  facts(packets = new Map<string, number>()) {
    const [fact] = linkFacts(
      this.links,
      this.app,
      packets,
      (key) => numberOf(this.timeline, key),
      this.now + 9_000,
    );
    return fact;
  }
}

function inCall(): Story {
  return new Story().play(
    { type: "open-link", link: LINK },
    { type: "join", joinId: "j" },
    { type: "session", joinId: "j", event: { type: "connecting", attempt: 1 }, aside: null, now: 1 },
    { type: "session", joinId: "j", event: { type: "joined", joined: JOINED }, aside: null, now: 1 },
  );
}

describe("the timeline", () => {
  test("has every message and every change, in order, with who and how large", () => {
    const story = inCall()
      .say(offer)
      .say(candidates)
      .hear({ type: "answer", from: BEN, sdp: { type: "answer", sdp, pc: SECRET } })
      .link("connected")
      .hear({ type: "peer-left", peerId: BEN, identity: BEN, reason: "left" })
      .play({ type: "leave", now: 9_000 });
    expect(story.lines).toEqual([
      "out join in clear",
      "state session connecting, attempt 1",
      "in joined 1 other",
      "state screen call",
      "state link #1 opened, offering",
      "out offer #1",
      "out candidate #1",
      "in answer #1",
      "state link #1 connected",
      "in peer-left #1 left",
      "state link #1 closed",
      "state screen after",
      "out leave",
    ]);
    const sizes = story.timeline.entries.flatMap(({ what, size }) => (what === "offer" ? [size] : []));
    expect(sizes[0]).toBeGreaterThan(100);
  });

  test("tells what sealed letters are about, and what becomes of messages", () => {
    const story = inCall();
    const signal = JSON.stringify({ type: "signal", signal: offer });
    const header = { from: "me", to: BEN, s: "s", r: "r", n: 3 };
    const sealed = { do: "seal", header, text: signal } as unknown as Effect;
    const settled = (outcome: object) =>
      ({
        type: "session",
        joinId: "j",
        event: { type: "settled", id: 1, outcome },
        aside: null,
        now: 1,
      }) as AppEvent;
    const opened = { is: "opened", opened: { text: signal, digest: "" } } as const;
    const message: ServerMessage = { type: "message", from: BEN, data: { sealed: SECRET } };
    const events: [AppEvent, readonly Effect[]][] = [
      [{ type: "dismiss-notice" }, [sealed]],
      [{ type: "session", joinId: "j", event: { type: "message", message }, aside: opened, now: 1 }, []],
      [
        {
          type: "session",
          joinId: "j",
          event: { type: "message", message },
          aside: { is: "opened", opened: null },
          now: 1,
        },
        [],
      ],
      [settled({ type: "delivered", delivered: 1, queued: 0 }), []],
      [settled({ type: "failed", code: "no-such-peer", message: SECRET }), []],
    ];
    let timeline = newTimeline(0);
    for (const [event, effects] of events)
      timeline = record(timeline, story.app, event, story.app, effects, 1);
    expect(timeline.entries.map(({ way, what, note }) => `${way} ${what} ${note}`)).toEqual([
      "out message sealed: offer with 2 candidates",
      "in message sealed: offer with 2 candidates",
      "in message cannot be opened",
      "in ack 1 delivered, 0 kept",
      "in error no-such-peer",
    ]);
  });

  test("is a ring, and counts what it forgets", () => {
    let timeline = newTimeline(0);
    for (let i = 0; i < MOST_ENTRIES + 3; i += 1) timeline = recordLink(timeline, "k", "ice", `${i}`, i);
    expect(timeline.entries).toHaveLength(MOST_ENTRIES);
    expect(timeline).toMatchObject({ dropped: 3, entries: { 0: { note: "3" } } });
  });

  test("numbers people as they come, within bounds", () => {
    let timeline = newTimeline(0);
    for (let i = 0; i < 300; i += 1) timeline = recordLink(timeline, `k${i}`, "ice", "new", i);
    expect(timeline.people).toHaveLength(256);
    expect(timeline.entries.at(-1)?.peer).toBe(256);
  });

  test("of one call is kept until the next begins", () => {
    const story = inCall().play({ type: "leave", now: 9_000 });
    expect(story.lines.length).toBeGreaterThan(3);
    story.play({ type: "rejoin", joinId: "j2" });
    expect(story.lines).toEqual(["state screen lobby", "out join in clear"]);
  });
});

test("a report has nothing in it that only those in the call may know", () => {
  const story = inCall()
    .say(offer)
    .say(candidates)
    .hear({ type: "offer", from: BEN, sdp: { type: "offer", sdp, pc: SECRET } })
    .hear({ type: "candidate", from: BEN, candidate: { candidate: SECRET, sdpMid: SECRET } })
    .hear({ type: "message", from: BEN, data: SECRET })
    .hear({ type: "knock", peerId: SECRET, identity: SECRET, name: SECRET })
    .hear({ type: "publish", from: BEN, trackId: SECRET, kind: "audio", source: SECRET })
    .hear({
      type: "peer-joined",
      peerId: `c-${SECRET}`,
      identity: SECRET,
      name: SECRET,
      role: "member",
      away: false,
      muted: [],
    })
    .hear({ type: "peer-left", peerId: BEN, identity: SECRET, reason: SECRET as "left" })
    .hear({ type: "error", code: SECRET as "internal", message: SECRET });
  const fact = story.facts();
  const text = report({
    host: "web",
    version: "0.1.0",
    now: 0,
    findings: [],
    facts: { ...NOTHING_KNOWN, links: fact === undefined ? [] : [fact] },
    timeline: story.timeline,
  });
  expect(text).not.toContain("SECRET");
  expect(JSON.parse(text)).toMatchObject({ format: "snug-report/1", timeline: { dropped: 0 } });
});

describe("what is counted of a link", () => {
  const answer: LinkSignal = { kind: "answer", sdp, pc: SECRET, to: null };

  test("tells an offer that nothing answered", () => {
    const story = inCall().say(offer).say(candidates);
    expect(story.facts()).toMatchObject({
      answersHeard: 0,
      candidatesSent: 3,
      candidatesHeard: 0,
      state: "new",
    });
    expect(story.facts()?.unansweredForMs).toBeGreaterThan(9_000);
    story.hear({ type: "answer", from: BEN, sdp: { ...answer, type: "answer" } });
    expect(story.facts()).toMatchObject({ answersHeard: 1, candidatesHeard: 2, unansweredForMs: null });
  });

  test("tells an answer that did not arrive from a second try", () => {
    const theirs = (ufrag: string): ServerMessage => ({
      type: "offer",
      from: BEN,
      sdp: { type: "offer", sdp: `${sdp}a=ice-ufrag:${ufrag}\r\n`, pc: SECRET },
    });
    const story = inCall().hear(theirs("one")).say(answer).hear(theirs("two")).say(answer);
    expect(story.facts()).toMatchObject({ offersRepeated: 0, answersSent: 2, unansweredForMs: null });
    expect(story.hear(theirs("two")).facts()).toMatchObject({ offersRepeated: 1 });
  });

  test("tells offers that crossed from one that was left alone", () => {
    const theirs: ServerMessage = { type: "offer", from: BEN, sdp: { type: "offer", sdp, pc: SECRET } };
    const crossed = inCall().say(offer).hear(theirs);
    expect(crossed.facts()).toMatchObject({ leftAlone: false, unansweredForMs: null });
    const alone = inCall().say(offer);
    alone.now += 6_000;
    expect(alone.hear(theirs).facts()).toMatchObject({ leftAlone: true });
  });

  test("tells what its media does, and whether the server still has them", () => {
    const story = inCall().link("connected").link("disconnected");
    expect(story.facts(new Map([[BEN, 0]]))).toMatchObject({
      state: "disconnected",
      wasConnected: true,
      signalingUp: true,
      packets: 0,
      shouldSend: true,
    });
    story.hear({ type: "peer-away", peerId: BEN });
    expect(story.facts()).toMatchObject({ signalingUp: false });
    story.hear({ type: "peer-left", peerId: BEN, identity: BEN, reason: "left" });
    expect(story.links).toEqual([]);
  });
});
