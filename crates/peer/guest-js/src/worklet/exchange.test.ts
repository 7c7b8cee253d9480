import { expect, test } from "vitest";
import { Exchange, HEADER } from "./exchange";
import { BLOCK } from "./queue";

const QUANTUM = 128;

/** An exchange with one microphone and one voice, and the ticks it gave. */
function exchange() {
  const ticks: DataView[] = [];
  const made = new Exchange((tick) => ticks.push(new DataView(tick)));
  made.openSource(7);
  made.openVoice(1, 2);
  let frame = 0;
  const step = (microphone: (frame: number) => number) => {
    const input = Float32Array.from({ length: QUANTUM }, (_, index) => microphone(frame + index));
    const out = new Float32Array(QUANTUM);
    made.capture(7, frame, input);
    made.render(1, 2, frame, out);
    frame += QUANTUM;
    return out;
  };
  return { made, ticks, step };
}

/** Rust's answer: `blocks` of `value` for a voice. */
function answer(pc: number, transceiver: number, blocks: number, value: number): ArrayBuffer {
  const message = new ArrayBuffer(HEADER + 16 + blocks * 2 * BLOCK);
  const view = new DataView(message);
  view.setUint32(HEADER, 1, true);
  view.setUint32(HEADER + 4, pc, true);
  view.setUint32(HEADER + 8, transceiver, true);
  view.setUint16(HEADER + 12, blocks, true);
  new Int16Array(message, HEADER + 16).fill(value);
  return message;
}

test("a microphone's samples come in blocks without a hole", () => {
  const { ticks, step } = exchange();
  for (let index = 0; index < 39; index++) step((frame) => (frame % 1000) / 32768);
  expect(ticks.length).toBe(10);
  const heard = ticks.flatMap((tick) =>
    Array.from({ length: BLOCK }, (_, index) => tick.getInt16(HEADER + 8 + index * 2, true)),
  );
  expect(heard).toEqual(heard.map((_, index) => index % 1000));
  expect(ticks[0]?.getUint32(HEADER + 4, true)).toBe(7);
});

test("what is wanted is asked for once, and what is played comes back with the tick", () => {
  const { made, ticks, step } = exchange();
  const wanted = (tick: DataView | undefined, heard: boolean) =>
    tick?.getUint16(HEADER + 4 + (heard ? 2 * BLOCK : 0) + 4 + 2 * BLOCK + 8, true);
  for (let index = 0; index < 12; index++) step(() => 0);
  expect(ticks.map((tick) => wanted(tick, false))).toEqual([3, 0]);
  made.answer(answer(1, 2, 3, 8192), HEADER);
  ticks.length = 0;
  const first = step(() => 0);
  expect(first.at(-1)).toBeGreaterThan(0.2);
  const heard = () => ticks.find((tick) => tick.getUint8(HEADER + 2) === 1);
  for (let index = 0; index < 8 && !heard(); index++) step(() => 0);
  expect(wanted(heard(), true)).toBe(1);
});

test("a lack fades out, is counted, and makes more wait", () => {
  const { made, ticks, step } = exchange();
  for (let index = 0; index < 4; index++) step(() => 0);
  made.answer(answer(1, 2, 1, 8192), HEADER);
  const out = Array.from({ length: 20 }, () => [...step(() => 0)]).flat();
  const steps = out.slice(1).map((sample, index) => Math.abs(sample - (out[index] ?? 0)));
  expect(Math.max(...steps.slice(1))).toBeLessThan(0.26);
  expect(out.at(-1)).toBe(0);
  const last = ticks.at(-1);
  const at = (last?.byteLength ?? 0) - 16;
  expect(Math.abs((last?.getUint16(at + 12, true) ?? 0) - BLOCK)).toBeLessThan(QUANTUM);
});

test("an answer for a voice that has gone is let go", () => {
  const { made, step } = exchange();
  made.closeVoice(1, 2);
  made.answer(answer(1, 2, 2, 100), HEADER);
  expect(step(() => 0).every((sample) => sample === 0)).toBe(true);
});
