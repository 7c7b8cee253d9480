import { afterEach, expect, test, vi } from "vitest";
import { Link } from "./link";
import type { PeerEvent } from "./wire";

const invoke = vi.hoisted(() => vi.fn());
vi.mock("@tauri-apps/api/core", () => ({ invoke }));

/** The other end is this test. */
class Line {
  static readonly OPEN = 1;
  static last: Line;
  readyState = 0;
  sent: { id: number; command: { type: string } }[] = [];
  onopen = (): void => undefined;
  onclose = (_: { code: number }): void => undefined;
  onmessage = (_: { data: string }): void => undefined;

  constructor(readonly url: string) {
    Line.last = this;
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen();
    });
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  nth(index: number): { id: number; command: { type: string } } {
    const sent = this.sent[index];
    if (!sent) throw new Error(`only ${this.sent.length} commands were sent`);
    return sent;
  }

  say(word: unknown): void {
    this.onmessage({ data: JSON.stringify(word) });
  }

  end(): void {
    this.readyState = 3;
    this.onclose({ code: 1006 });
  }
}

async function open(): Promise<{ link: Link; line: Line }> {
  vi.stubGlobal("WebSocket", Line);
  invoke.mockResolvedValue({
    socketUrl: "ws://media",
    controlUrl: "ws://control",
    dataUrl: "ws://data",
    version: 4,
  });
  const link = await Link.open();
  return { link, line: Line.last };
}

afterEach(() => vi.unstubAllGlobals());

test("replies are known by their numbers, in whatever order they come", async () => {
  const { link, line } = await open();
  expect([link.socketUrl, link.dataUrl, line.url]).toEqual(["ws://media", "ws://data", "ws://control"]);
  const [one, two] = [link.run(1, { type: "get-stats" }), link.run(1, { type: "restart-ice" })];
  expect(line.sent.map(({ command }) => command)).toEqual([
    { type: "run", pc: 1, op: { type: "get-stats" } },
    { type: "run", pc: 1, op: { type: "restart-ice" } },
  ]);
  line.say({ id: line.nth(1).id, value: "second" });
  line.say({ id: line.nth(0).id, value: "first" });
  expect(await Promise.all([one, two])).toEqual(["first", "second"]);
});

test("errors are the exceptions that they name", async () => {
  const { link, line } = await open();
  const wrong = link.run(1, { type: "restart-ice" });
  line.say({ id: line.nth(0).id, error: { name: "InvalidStateError", message: "closed" } });
  await expect(wrong).rejects.toMatchObject({ name: "InvalidStateError", message: "closed" });
  const type = link.run(1, { type: "restart-ice" });
  line.say({ id: line.nth(1).id, error: { name: "TypeError", message: "no" } });
  await expect(type).rejects.toBeInstanceOf(TypeError);
  const syntax = link.run(1, { type: "restart-ice" });
  line.say({ id: line.nth(2).id, error: { name: "OperationError", message: "no SDP", sdpLine: 2 } });
  await expect(syntax).rejects.toMatchObject({ errorDetail: "sdp-syntax-error", sdpLineNumber: 2 });
});

test("a connection has its number at once, and its events until it is closed", async () => {
  const { link, line } = await open();
  const heard: PeerEvent[] = [];
  const { pc, made } = link.create({ certificates: [] }, (event) => heard.push(event));
  expect(line.nth(0).command).toEqual({ type: "create", pc, configuration: { certificates: [] } });
  expect(link.create({ certificates: [] }, () => {}).pc).not.toBe(pc);
  const event = { type: "ice-gathering-state", pc, state: "gathering" } as const;
  line.say({ event });
  line.say({ id: line.nth(0).id, value: null });
  await made;
  expect(heard).toEqual([event]);
  const closed = link.close(pc);
  line.say({ event });
  line.say({ id: line.nth(2).id, value: null });
  await closed;
  expect(heard).toEqual([event]);
});

test("a socket that is lost answers all that was asked, and all that is asked then", async () => {
  const { link, line } = await open();
  const asked = link.run(1, { type: "get-stats" });
  line.end();
  await expect(asked).rejects.toMatchObject({ name: "OperationError" });
  await expect(link.run(1, { type: "get-stats" })).rejects.toMatchObject({ name: "OperationError" });
});

test("a plugin of another version is refused", async () => {
  vi.stubGlobal("WebSocket", Line);
  invoke.mockResolvedValue({ socketUrl: "", controlUrl: "", version: 1 });
  await expect(Link.open()).rejects.toThrow("version");
});
