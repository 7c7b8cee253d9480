import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LINGER, Waking } from "./waking";

/** Obeys a task later, as an AudioContext does; with `deaf` only once there was a gesture. */
class Context {
  state: AudioContextState = "running";
  deaf = false;
  readonly asked: string[] = [];

  async suspend(): Promise<void> {
    this.asked.push("suspend");
    await Promise.resolve();
    this.state = "suspended";
  }

  async resume(): Promise<void> {
    this.asked.push("resume");
    if (this.deaf) await new Promise(() => {});
    await Promise.resolve();
    this.state = "running";
  }
}

const gestures = new EventTarget();
let context: Context;
let waking: Waking;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", gestures.addEventListener.bind(gestures));
  vi.stubGlobal("removeEventListener", gestures.removeEventListener.bind(gestures));
  context = new Context();
  waking = new Waking(context as unknown as AudioContext);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("it sleeps when nobody has needed it for a while, and again after each who did", async () => {
  await vi.advanceTimersByTimeAsync(LINGER - 1);
  expect(context.state).toBe("running");
  await vi.advanceTimersByTimeAsync(1);
  expect(context.state).toBe("suspended");
  const [one, two] = [waking.keep(), waking.keep()];
  await vi.advanceTimersByTimeAsync(10 * LINGER);
  expect(context.state).toBe("running");
  one();
  one();
  await vi.advanceTimersByTimeAsync(10 * LINGER);
  expect(context.state).toBe("running");
  two();
  await vi.advanceTimersByTimeAsync(LINGER);
  expect(context.state).toBe("suspended");
  expect(context.asked).toEqual(["suspend", "resume", "suspend"]);
});

test("who follows at once finds it awake", async () => {
  const end = waking.keep();
  end();
  await vi.advanceTimersByTimeAsync(LINGER - 1);
  waking.keep();
  await vi.advanceTimersByTimeAsync(10 * LINGER);
  expect(context.asked).toEqual([]);
});

test("who comes while it falls asleep wakes it behind that", async () => {
  vi.advanceTimersByTime(LINGER);
  waking.keep();
  await vi.advanceTimersByTimeAsync(0);
  expect(context.state).toBe("running");
});

test("where a gesture is wanted, the next one wakes it, and those of later do nothing", async () => {
  await vi.advanceTimersByTimeAsync(LINGER);
  context.deaf = true;
  waking.keep();
  await vi.advanceTimersByTimeAsync(0);
  expect(context.state).toBe("suspended");
  context.deaf = false;
  gestures.dispatchEvent(new Event("keydown"));
  await vi.advanceTimersByTimeAsync(0);
  expect(context.state).toBe("running");
  const { length } = context.asked;
  gestures.dispatchEvent(new Event("pointerdown"));
  expect(context.asked).toHaveLength(length);
});

test("nobody's gesture wakes it once those who wanted that are gone", async () => {
  await vi.advanceTimersByTimeAsync(LINGER);
  context.deaf = true;
  waking.keep()();
  await vi.advanceTimersByTimeAsync(LINGER);
  context.deaf = false;
  gestures.dispatchEvent(new Event("keydown"));
  await vi.advanceTimersByTimeAsync(0);
  expect(context.state).toBe("suspended");
});
