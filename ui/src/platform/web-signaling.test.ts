import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SessionEvent } from "../generated/SessionEvent";
import { WebSignaling } from "./web-signaling";

/** A browser's socket whose other end is the test. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: () => void = () => {};
  onmessage: (event: { data: unknown }) => void = () => {};
  onclose: (event: { code: number }) => void = () => {};

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }

  say(message: unknown): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

const joined = {
  type: "joined",
  peerId: "p1",
  roomId: "den",
  identity: "p1",
  role: "moderator",
  peers: [],
  resumeToken: "t1",
  graceMs: 30_000,
  heartbeatMs: 10_000,
  iceServers: [],
  topology: "mesh",
  capacity: 8,
  locked: false,
  seq: 1,
  protocol: 1,
};

let page: EventTarget & { visibilityState: string };

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("document", page);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function start() {
  const events: SessionEvent[] = [];
  const points: [number, string][] = [];
  const signaling = new WebSignaling((_, point, name) => points.push([point, name]));
  const request = {
    server: "https://snug.example",
    roomId: "den",
    name: "Ada",
    identity: null,
    capacity: null,
    token: null,
    joinId: "j1",
  };
  const session = signaling.join(request, (event) => events.push(event));
  return { session, events, points };
}

function socket(nth: number): FakeSocket {
  const found = FakeSocket.all[nth - 1];
  if (!found) throw new Error(`no socket ${nth}`);
  return found;
}

test("joins, answers hints and heartbeats, and leaves", () => {
  const { session, events, points } = start();
  session.send({ type: "mute", kind: "audio" });
  expect(socket(1).url).toBe("wss://snug.example/ws");
  socket(1).open();
  expect(socket(1).sent).toEqual([{ type: "join", roomId: "den", joinId: "j1", name: "Ada" }]);
  socket(1).say(joined);
  expect(events.map((event) => event.type)).toEqual(["connecting", "joined"]);
  expect(points).toEqual([
    [4, "session"],
    [5, "client"],
    [9, "session"],
  ]);
  expect(socket(1).sent[1]).toEqual({ id: 1, type: "mute", kind: "audio" });
  page.dispatchEvent(new Event("visibilitychange"));
  expect(socket(1).sent[2]).toEqual({ type: "ping", seq: 1 });
  socket(1).say({ type: "pong", seq: 1 });
  vi.advanceTimersByTime(10_000);
  expect(socket(1).sent[3]).toEqual({ type: "ping", seq: 1 });
  session.leave();
  socket(1).say({ type: "ack", id: 1, delivered: 0, queued: 0 });
  socket(1).say({ type: "left" });
  expect(events.slice(2).map((event) => event.type)).toEqual(["settled", "ended"]);
  expect(socket(1).closed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("resumes on a new socket, and does not hear the old one", () => {
  const { events } = start();
  vi.advanceTimersByTime(0);
  socket(1).open();
  socket(1).say(joined);
  socket(1).onclose({ code: 1006 });
  vi.advanceTimersByTime(1_000);
  socket(1).say({ type: "peer-away", peerId: "p2" });
  socket(2).open();
  expect(socket(2).sent[0]).toMatchObject({ type: "join", resume: { token: "t1", seq: 1 } });
  socket(2).say({ type: "resumed", peerId: "p1", seq: 1, replayed: 0, resumeToken: "t2" });
  expect(events.map((event) => event.type)).toEqual([
    "connecting",
    "joined",
    "away",
    "connecting",
    "resumed",
  ]);
});

test("a message into a dead socket is said again on another within seconds", () => {
  const { session, events } = start();
  vi.advanceTimersByTime(0);
  socket(1).open();
  socket(1).say(joined);
  vi.advanceTimersByTime(1_000);
  session.send({ type: "mute", kind: "audio" });
  vi.advanceTimersByTime(3_100);
  expect(socket(1).sent.map((frame) => frame.type)).toEqual(["join", "mute", "ping"]);
  expect(socket(1).closed).toBe(false);
  vi.advanceTimersByTime(3_900);
  expect(socket(1).closed).toBe(true);
  socket(2).open();
  socket(2).say({ type: "resumed", peerId: "p1", seq: 1, replayed: 0, resumeToken: "t2" });
  expect(socket(2).sent[1]).toEqual({ id: 1, type: "mute", kind: "audio" });
  socket(2).say({ type: "ack", id: 1, delivered: 0, queued: 0 });
  expect(events.map((event) => event.type).slice(2)).toEqual(["away", "connecting", "resumed", "settled"]);
});

test("a listener that sends at once and one that throws do not confuse it", () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const signaling = new WebSignaling();
  const request = {
    server: "http://127.0.0.1:7000",
    roomId: "den",
    name: null,
    identity: null,
    capacity: 2,
    token: null,
    joinId: "j1",
  };
  const session = signaling.join(request, (event) => {
    if (event.type === "joined") session.send({ type: "message", data: "hello" });
    throw new Error(event.type);
  });
  vi.advanceTimersByTime(0);
  socket(1).open();
  socket(1).say(joined);
  expect(socket(1).sent.map((message) => message.type)).toEqual(["join", "message"]);
  expect(reported).toHaveBeenCalledTimes(2);
});

test("goes on when somebody sets the clock back", () => {
  start();
  vi.advanceTimersByTime(0);
  socket(1).open();
  socket(1).say(joined);
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(10_000);
  expect(socket(1).sent[1]).toEqual({ type: "ping", seq: 1 });
  vi.advanceTimersByTime(10_000);
  expect(socket(1).closed).toBe(true);
});
