import { expect, test } from "vitest";
import type { Aside } from "../core/call";
import type { RoomKey } from "../core/ports";
import type { ClientMessage } from "../generated/ClientMessage";
import type { SessionEvent } from "../generated/SessionEvent";
import { Post } from "./post";

/** A key whose work is done when the test says so. */
class SlowKey implements RoomKey {
  readonly doors: (() => void)[] = [];

  private async work<T>(result: T): Promise<T> {
    await new Promise<void>((done) => this.doors.push(done));
    return result;
  }

  newSession = () => this.work({ s: "s", nonce: "n", commit: "c" });
  seal = (header: unknown, text: string): Promise<unknown> => this.work({ header, text });
  unseal = async (_from: string, _to: string, data: unknown) => {
    if (data === "broken") throw new Error("no such work");
    return this.work({ text: String(data), digest: "" });
  };
  sealName = async (name: string) => name;
  unsealName = async (name: string) => (name.startsWith("sealed:") ? name.slice(7) : null);
  makeCode = async () => new Uint8Array(16);
}

function office() {
  const key = new SlowKey();
  const heard: string[] = [];
  const asides: (Aside | null)[] = [];
  const post = new Post({
    key,
    fingerprint: "f",
    seat: () => "me",
    deliver: (event, aside) => {
      heard.push(event.type === "message" ? event.message.type : event.type);
      asides.push(aside);
    },
  });
  return { key, heard, asides, post };
}

const letter = (data: unknown): SessionEvent => ({
  type: "message",
  message: { type: "message", from: "ann", data },
});
const left: SessionEvent = {
  type: "message",
  message: { type: "peer-left", peerId: "ann", identity: "ann", reason: "left" },
};
const turn = () => new Promise((done) => setImmediate(done));

test("what comes after a letter waits until it is open", async () => {
  const { key, heard, asides, post } = office();
  post.take(letter("one"));
  post.take(left);
  await turn();
  expect(heard).toEqual([]);
  key.doors[0]?.();
  await turn();
  expect(heard).toEqual(["message", "peer-left"]);
  expect(asides).toEqual([{ is: "opened", opened: { text: "one", digest: "" } }, null]);
});

test("one that cannot be read costs nobody else", async () => {
  const { heard, post } = office();
  const { error } = console;
  console.error = () => {};
  post.take(letter("broken"));
  post.take(left);
  await turn();
  console.error = error;
  expect(heard).toEqual(["peer-left"]);
});

test("names at the door are opened, and left alone where there is no seal", async () => {
  const { post } = office();
  const names: unknown[] = [];
  const named = new Post({
    key: new SlowKey(),
    fingerprint: "f",
    seat: () => "me",
    deliver: (event) =>
      names.push(event.type === "message" && event.message.type === "knock" && event.message.name),
  });
  for (const name of ["sealed:Ben", "Cleo"]) {
    named.take({ type: "message", message: { type: "knock", peerId: "k", identity: "k", name } });
  }
  post.take(left);
  await turn();
  expect(names).toEqual(["Ben", "Cleo"]);
});

test("letters go out in the order they were written in, to the session of then", async () => {
  const { key, post } = office();
  const sent: ClientMessage[] = [];
  const session = { send: (message: ClientMessage) => sent.push(message), leave: () => {} };
  const header = { from: "me", to: "ann", s: "s", r: "r", n: 1 };
  post.send(session, header, "one");
  post.send(session, { ...header, n: 2 }, "two");
  await turn();
  key.doors[0]?.();
  await turn();
  key.doors[1]?.();
  await turn();
  expect(sent).toEqual([
    { type: "message", to: "ann", data: { header, text: "one" } },
    { type: "message", to: "ann", data: { header: { ...header, n: 2 }, text: "two" } },
  ]);
});

test("no more letters are underway than a session takes, and the rest follows as they are answered", async () => {
  const { key, post } = office();
  key.seal = async (_, text) => text;
  const sent: ClientMessage[] = [];
  const session = { send: (message: ClientMessage) => sent.push(message), leave: () => {} };
  const header = { from: "me", to: "ann", s: "s", r: "r", n: 1 };
  for (let n = 0; n < 200; n++) post.send(session, header, String(n));
  await turn();
  expect(sent).toHaveLength(64);
  const answer = (id: number): SessionEvent => ({
    type: "settled",
    id,
    outcome: { type: "delivered", delivered: 1, queued: 0 },
  });
  for (let id = 1; id <= 10; id++) post.take(answer(id));
  await turn();
  expect(sent).toHaveLength(74);
  post.take({ type: "resumed", replayed: 0 });
  await turn();
  expect(sent).toHaveLength(138);
  expect(sent.map((message) => (message.type === "message" ? message.data : null))).toEqual(
    Array.from({ length: 138 }, (_, n) => String(n)),
  );
});
