import { afterEach, expect, test, vi } from "vitest";
import type { JoinRequest } from "../core/ports";
import type { SessionEvent } from "../generated/SessionEvent";

/** The shell: answers when the test lets it. */
const shell = vi.hoisted(() => ({
  calls: [] as {
    command: string;
    args: unknown;
    answer(value: unknown): void;
    refuse(error: unknown): void;
  }[],
}));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: (command: string, args: unknown) =>
    new Promise((answer, refuse) => shell.calls.push({ command, args, answer, refuse })),
}));

const { DesktopSignaling } = await import("./desktop-signaling");

const REQUEST: JoinRequest = {
  server: "https://snug.example",
  roomId: "room",
  name: null,
  identity: null,
  capacity: null,
  token: null,
  joinId: "j",
};
const CONNECTING: SessionEvent = { type: "connecting", attempt: 1 };
const turn = () => new Promise((done) => setImmediate(done));
const commands = () => shell.calls.map(({ command }) => command);

afterEach(() => {
  shell.calls.length = 0;
});

function begin() {
  const signaling = new DesktopSignaling();
  const events: SessionEvent[] = [];
  const session = signaling.join(REQUEST, (event) => events.push(event));
  return { signaling, session, events };
}

test("events that outrun the session's number are kept for it, those of others are not", async () => {
  const { signaling, events } = begin();
  signaling.heard(7, CONNECTING);
  signaling.heard(8, { type: "resumed", replayed: 0 });
  shell.calls[0]?.answer(7);
  await turn();
  expect(events).toEqual([CONNECTING]);
});

test("what is sent waits for the session, and for what was sent before it", async () => {
  const { session } = begin();
  session.send({ type: "unmute", kind: "audio" });
  session.leave();
  await turn();
  expect(commands()).toEqual(["join"]);
  shell.calls[0]?.answer(7);
  await turn();
  expect(commands()).toEqual(["join", "send"]);
  expect(shell.calls[1]?.args).toEqual({ sessionId: 7, message: { type: "unmute", kind: "audio" } });
  shell.calls[1]?.refuse({ code: "busy" });
  await turn();
  expect(commands()).toEqual(["join", "send", "leave"]);
});

test("it is idle when the shell has heard the leave", async () => {
  const { signaling, session } = begin();
  shell.calls[0]?.answer(7);
  session.leave();
  let idle = false;
  const waiting = signaling.idle().then(() => {
    idle = true;
  });
  await turn();
  expect([commands(), idle]).toEqual([["join", "leave"], false]);
  shell.calls[1]?.answer(null);
  await waiting;
});

test("a refused join ends the session", async () => {
  const { session, events } = begin();
  shell.calls[0]?.refuse({ code: "bad-argument" });
  session.send({ type: "leave" });
  await turn();
  expect(events).toEqual([{ type: "ended", reason: "bad-join" }]);
  expect(commands()).toEqual(["join"]);
});
