import { describe, expect, test } from "vitest";
import type { Joined } from "../generated/Joined";
import type { ServerMessage } from "../generated/ServerMessage";
import { type App, type AppEvent, type Effect, newApp, update } from "./app";
import { RANDOM_BYTES, type RoomLink } from "./link";
import type { Memory } from "./memory";
import { project } from "./project";

const LINK: RoomLink = { server: "https://snug.example", roomId: "abc-defg-hij", secret: null };
const OTHER: RoomLink = { ...LINK, roomId: "other" };
const ON = { on: true, deviceId: null };
const MEMORY: Memory = {
  settings: { lang: "en", theme: "system", name: "Ann", server: null, sounds: true },
  recent: [],
  devices: { microphone: ON, camera: ON, speaker: null },
};
const JOINED: Joined = {
  peerId: "me1",
  roomId: "abc-defg-hij",
  identity: "me",
  role: "member",
  peers: [{ peerId: "ben1", identity: "ben", name: "Ben", role: "member", away: false, muted: [] }],
  resumeToken: "token",
  graceMs: 30_000,
  heartbeatMs: 10_000,
  iceServers: [],
  topology: "mesh",
  capacity: 64,
  locked: false,
  seq: 1,
  protocol: 1,
};

class Story {
  app: App;
  effects: readonly Effect[] = [];

  constructor(memory: Partial<Memory> = {}, defaultServer: string | null = "https://snug.example") {
    this.app = newApp({ ...MEMORY, ...memory }, { defaultServer, identity: "me" });
  }

  play(...events: AppEvent[]): this {
    for (const event of events) [this.app, this.effects] = update(this.app, event);
    return this;
  }

  get view() {
    return project(this.app, "web", "0").screen;
  }

  /** The kinds of effects that the last event had, in order. */
  get did(): string[] {
    return this.effects.map((effect) => effect.do);
  }
}

const open: AppEvent = { type: "open-link", link: LINK };
const join: AppEvent = { type: "join", joinId: "j1" };
const joined: AppEvent = {
  type: "session",
  joinId: "j1",
  event: { type: "joined", joined: JOINED },
  aside: null,
  now: 1_000,
};
const ended = (reason: "full" | "left" | "kicked", joinId = "j1"): AppEvent => ({
  type: "session",
  joinId,
  event: { type: "ended", reason },
  aside: null,
  now: 61_000,
});
const inCall = () => new Story().play(open, join, joined);

describe("home", () => {
  test("a new room opens its lobby, and the devices with it", () => {
    const story = new Story().play({ type: "start-room", random: new Uint8Array(RANDOM_BYTES) });
    expect(story.view).toMatchObject({ at: "lobby", lobby: { joining: false, waiting: null } });
    expect(story.did).toEqual(["wish", "show-link"]);
  });

  test("without a server no room can be made, and the person is told", () => {
    const story = new Story({}, null).play({ type: "start-room", random: new Uint8Array(RANDOM_BYTES) });
    expect(story.view).toMatchObject({ at: "home", problem: "no-server" });
    story.play({ type: "set-server", text: "nonsense server" });
    expect(story.view).toMatchObject({ problem: "bad-server" });
    story.play({ type: "set-server", text: "snug.example" });
    expect(story.view).toMatchObject({ problem: null, server: "https://snug.example" });
    expect(story.did).toEqual(["save"]);
  });

  test.each([
    ["abc-defg-hij", "lobby"],
    ["https://else.example/r/x", "lobby"],
    ["javascript:alert(1)", "home"],
  ])("%s leads to %s", (text, at) => {
    expect(new Story().play({ type: "open-text", text }).view.at).toBe(at);
  });

  test("rooms are forgotten on request", () => {
    const recent = [{ link: LINK, lastAt: 1, people: [] }];
    const story = new Story({ recent }).play({ type: "forget-room", link: LINK });
    expect(story.view).toMatchObject({ recent: [] });
    expect(story.effects).toEqual([{ do: "save", key: "recent", value: [] }]);
  });
});

describe("joining", () => {
  test("asks with the name and the identity of this page", () => {
    const story = new Story().play(open, join);
    expect(story.effects).toEqual([
      {
        do: "join",
        request: {
          server: LINK.server,
          roomId: LINK.roomId,
          name: "Ann",
          identity: "me",
          capacity: null,
          token: null,
          joinId: "j1",
        },
        seal: null,
      },
    ]);
    expect(story.play({ type: "join", joinId: "j2" }).effects).toEqual([]);
  });

  test("a server that does not answer is told beside the button, and given up by going home", () => {
    const away: AppEvent = {
      type: "session",
      joinId: "j1",
      event: { type: "away", attempt: 1, retryInMs: 500, reason: "unreachable" },
      aside: null,
      now: 0,
    };
    const story = new Story().play(open, join, away);
    expect(story.view).toMatchObject({ lobby: { joining: true, waiting: "unreachable" } });
    story.play({ type: "go-home", now: 0 });
    expect(story.did).toEqual(["leave", "wish", "show-link"]);
    expect(story.play(joined).view.at).toBe("home");
  });

  test("who knocks is told to wait for those inside", () => {
    const waiting: AppEvent = {
      type: "session",
      joinId: "j1",
      event: { type: "waiting", peerId: "p1" },
      aside: null,
      now: 0,
    };
    const story = new Story().play(open, join, waiting);
    expect(story.view).toMatchObject({ lobby: { joining: true, waiting: "knocking" } });
    expect(story.play(joined).view.at).toBe("call");
  });

  test("an invitation says who one is, and is taken at the door too", () => {
    const invited = { ...LINK, token: "a.b.c" };
    const story = new Story().play(open, { type: "open-link", link: invited }, join);
    expect(story.effects).toMatchObject([{ do: "join", request: { identity: null, token: "a.b.c" } }]);
  });

  test("a moderator's wish turns the microphone off and says so; the next press turns it on again", () => {
    const wish: AppEvent = {
      type: "session",
      joinId: "j1",
      event: { type: "message", message: { type: "mute", from: "p9", kind: "audio", to: "me" } },
      aside: null,
      now: 0,
    };
    const story = new Story().play(open, join, joined, wish);
    expect(story.app.devices.wish.microphone.on).toBe(false);
    expect(story.app.notice?.word).toBe("microphone-hushed");
    const [notice] = [story.app.notice];
    expect(story.play(wish).app.notice).toBe(notice);
    story.play({ type: "toggle", kind: "microphone" });
    expect(story.app.devices.wish.microphone.on).toBe(true);
  });

  test("a link with a secret tells the server no name, and joins sealed or not at all", () => {
    const secret = { ...LINK, secret: "q83vEjRWeJCrze8SNFZ4kA" };
    const story = new Story().play({ type: "open-link", link: secret });
    expect(story.view).toMatchObject({ lobby: { sealed: true } });
    story.play(join);
    expect(story.effects).toMatchObject([
      {
        do: "join",
        request: { name: null, identity: null },
        seal: { secret: "q83vEjRWeJCrze8SNFZ4kA", name: "Ann" },
      },
    ]);
    const seat = { peerId: "me1", s: "s", nonce: "n", commit: "c", fingerprint: "f" };
    const sealed = new Story().play({ type: "open-link", link: secret }, join, {
      ...joined,
      aside: { is: "seat", seat },
    } as AppEvent);
    expect(sealed.view).toMatchObject({ at: "call", call: { shield: { is: "sealed" }, tiles: [] } });
    // What came without a key has no way into such a call.
    story.play(joined);
    expect(story.view).toMatchObject({ at: "trouble", trouble: { code: "no-cryptography" } });
    expect(story.did).toContain("leave");
  });

  test("a page without cryptography says so", () => {
    const story = new Story().play(open, join, { type: "no-cryptography" });
    expect(story.view).toMatchObject({ at: "trouble", trouble: { code: "no-cryptography" } });
  });

  test("a refusal is a page of its own, with the way to try again", () => {
    const story = new Story().play(open, join, ended("full"));
    expect(story.view).toEqual({ at: "trouble", trouble: { code: "full", link: LINK } });
    story.play({ type: "rejoin", joinId: "j2" });
    expect(story.view).toMatchObject({ at: "lobby", lobby: { joining: true } });
    expect(story.did).toContain("join");
  });

  test("late news of an earlier join mean nothing", () => {
    const story = new Story().play(open, join, ended("full"), { type: "rejoin", joinId: "j2" });
    expect(story.play(joined).view.at).toBe("lobby");
    expect(story.effects).toEqual([]);
  });

  test("skips the lobby when asked to", () => {
    const story = new Story().play({ type: "join-link", link: LINK, joinId: "j1" });
    expect(story.did).toEqual(["join", "wish", "show-link"]);
    expect(story.play(joined).view.at).toBe("call");
  });
});

describe("the call", () => {
  test("opens links, and the room is remembered with its people", () => {
    const story = inCall();
    expect(story.did).toEqual(["open-link", "save"]);
    expect(story.effects[1]).toMatchObject({
      key: "recent",
      value: [{ link: "https://snug.example/r/abc-defg-hij", lastAt: 1_000, people: ["Ben"] }],
    });
    expect(story.view).toMatchObject({
      call: {
        since: 1_000,
        crowded: false,
        tiles: [{ name: "Ben", link: "connecting" }],
        self: { name: "Ann" },
        shield: { is: "open", code: null },
      },
    });
  });

  test("what the person switches off is told to the room, to the device and to the memory", () => {
    const story = inCall().play({ type: "toggle", kind: "camera" });
    expect(story.effects).toEqual([
      { do: "wish", wish: { ...MEMORY.devices, camera: { on: false, deviceId: null } } },
      { do: "send", message: { type: "mute", kind: "video" } },
      { do: "save", key: "devices", value: { ...MEMORY.devices, camera: { on: false, deviceId: null } } },
    ]);
    story.play({ type: "toggle", kind: "camera" });
    expect(story.effects).toContainEqual({ do: "send", message: { type: "unmute", kind: "video" } });
  });

  test("a device that fails is muted to the others, one that starts is not", () => {
    const live = { stream: null, deviceId: null, problem: null };
    const story = inCall();
    const device = (state: "failed" | "starting" | "live"): AppEvent => ({
      type: "media",
      event: { type: "device", kind: "camera", live: { ...live, state } },
    });
    expect(story.play(device("starting")).effects).toEqual([]);
    expect(story.play(device("failed")).effects).toEqual([
      { do: "send", message: { type: "mute", kind: "video" } },
    ]);
    expect(story.play(device("live")).effects).toEqual([
      { do: "send", message: { type: "unmute", kind: "video" } },
    ]);
  });

  test("push-to-talk opens the microphone while it is held, and is not remembered", () => {
    const story = inCall().play({ type: "toggle", kind: "microphone" }, { type: "talk", held: true });
    expect(story.did).toEqual(["wish", "send"]);
    expect(story.view).toMatchObject({ call: { self: { audioMuted: false } } });
    story.play({ type: "talk", held: false });
    expect(story.effects).toContainEqual({ do: "send", message: { type: "mute", kind: "audio" } });
  });

  test("a restart of the server leads to no other screen", () => {
    const story = inCall().play({
      type: "session",
      joinId: "j1",
      event: { type: "joined", joined: { ...JOINED, peerId: "me2", peers: [] } },
      aside: null,
      now: 2_000,
    });
    expect(story.effects).toEqual([]);
    expect(story.view).toMatchObject({ at: "call", call: { tiles: [{ peerId: "ben1", name: "Ben" }] } });
  });

  test("leaving closes all, and says how it was", () => {
    const story = inCall().play({ type: "leave", now: 61_400 });
    expect(story.did).toEqual(["leave", "close-link", "wish"]);
    expect(story.effects).toContainEqual({ do: "wish", wish: null });
    expect(story.view).toMatchObject({
      at: "after",
      after: { seconds: 60, people: ["Ben"], quality: "good" },
    });
    expect(story.play(ended("left")).view.at).toBe("after");
  });

  test("being put out closes the links too", () => {
    const story = inCall().play(ended("kicked"));
    expect(story.did).toEqual(["close-link", "wish"]);
    expect(story.view).toMatchObject({ trouble: { code: "kicked" } });
  });

  test("the link of the room one is in, clicked again, changes nothing; a broken one neither", () => {
    const story = inCall();
    for (const event of [
      open,
      { type: "bad-link", problem: "scheme" },
      { type: "open-text", text: "%" },
    ] as const) {
      expect(story.play(event).effects).toEqual([]);
      expect(story.view.at).toBe("call");
    }
  });

  test("another room's link leaves this one", () => {
    const story = inCall().play({ type: "open-link", link: OTHER });
    expect(story.did).toEqual(["leave", "close-link", "show-link"]);
    expect(story.view).toMatchObject({ at: "lobby", lobby: { link: OTHER } });
  });

  test("more than a mesh carries well is said", () => {
    const story = inCall();
    for (const peerId of ["a", "b", "c", "d", "e"]) {
      const message: ServerMessage = {
        type: "peer-joined",
        peerId,
        identity: peerId,
        role: "member",
        away: false,
        muted: [],
      };
      story.play({ type: "session", joinId: "j1", event: { type: "message", message }, aside: null, now: 0 });
    }
    expect(story.view).toMatchObject({ call: { crowded: true } });
  });
});
