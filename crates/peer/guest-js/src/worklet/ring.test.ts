import { describe, expect, test } from "vitest";
import { JitterRing } from "./ring";

const FRAME = 960;
const QUANTUM = 128;

/** Pushes 20 ms frames of a constant and pulls quanta, in turn, for `ms` of media. */
function play(ring: JitterRing, ms: number, from = 0, value = 0.5): number[] {
  const heard: number[] = [];
  const out = new Float32Array(QUANTUM);
  let owed = 0;
  for (let position = from; position < from + ms * 48; position += FRAME) {
    ring.push(new Float32Array(FRAME).fill(value), position);
    for (owed += FRAME; owed >= QUANTUM; owed -= QUANTUM) {
      ring.pull(out);
      heard.push(...out);
    }
  }
  return heard;
}

function pull(ring: JitterRing, quanta = 1): number[] {
  const heard: number[] = [];
  const out = new Float32Array(QUANTUM);
  for (let index = 0; index < quanta; index++) {
    ring.pull(out);
    heard.push(...out);
  }
  return heard;
}

test("nothing is heard, and nothing counted, before the first frames", () => {
  const ring = new JitterRing();
  expect(pull(ring, 10).every((sample) => sample === 0)).toBe(true);
  expect(ring.counts).toEqual({ concealed: 0, concealments: 0, skipped: 0, played: 0 });
});

test("playing begins at the target with a fade-in, and goes on without a hole", () => {
  const ring = new JitterRing();
  const heard = play(ring, 1000);
  const start = heard.findIndex((sample) => sample > 0);
  expect(start).toBeGreaterThanOrEqual(2 * FRAME - QUANTUM);
  expect(start).toBeLessThan(4 * FRAME);
  expect(heard[start]).toBeLessThan(0.01);
  expect(heard.slice(start + 300).every((sample) => sample === 0.5)).toBe(true);
  expect(ring.counts.concealments).toBe(0);
});

describe("underrun", () => {
  test("fades out instead of clicking, and waits for more than before", () => {
    const ring = new JitterRing();
    play(ring, 400);
    const target = ring.target;
    const heard = pull(ring, 60);
    const last = heard.lastIndexOf(0.5);
    expect(heard[last + 2]).toBeLessThan(0.5);
    expect(heard[last + 2]).toBeGreaterThan(0.45);
    expect(heard.at(-1)).toBe(0);
    expect(ring.target).toBe(target + 960);
    expect(ring.counts.concealments).toBe(1);
  });

  test("is bounded in what it makes wait", () => {
    const ring = new JitterRing();
    for (let round = 0; round < 30; round++) {
      play(ring, 400, round * 48_000);
      pull(ring, 200);
    }
    expect(ring.target).toBe(240 * 48);
  });
});

describe("overrun", () => {
  test("is worked off in small skips", () => {
    const ring = new JitterRing();
    ring.push(new Float32Array(20 * FRAME).fill(0.5), 0);
    const heard = play(ring, 6000, 20 * FRAME);
    expect(ring.level).toBeLessThan(130 * 48);
    expect(ring.counts.skipped).toBeGreaterThan(200 * 48);
    expect(heard.slice(300).every((sample) => Math.abs(sample - 0.5) < 1e-3)).toBe(true);
  });

  test("can never exceed what the ring holds", () => {
    const ring = new JitterRing();
    for (let position = 0; position < 480_000; position += FRAME)
      ring.push(new Float32Array(FRAME), position);
    expect(ring.level).toBeLessThanOrEqual(48_000);
  });
});

describe("media time", () => {
  test("a lost frame is filled, softer", () => {
    const ring = new JitterRing();
    play(ring, 400);
    const level = ring.level;
    ring.push(new Float32Array(FRAME).fill(0.5), 400 * 48 + FRAME);
    expect(ring.level).toBe(level + 2 * FRAME);
    expect(ring.counts.concealed).toBe(FRAME);
    const heard = pull(ring, 40);
    const least = Math.min(...heard.slice(0, level + 2 * FRAME));
    expect(least).toBeGreaterThan(0.2);
    expect(least).toBeLessThan(0.5);
  });

  test("a frame that comes too late is not played", () => {
    const ring = new JitterRing();
    play(ring, 400);
    const level = ring.level;
    ring.push(new Float32Array(FRAME), 300 * 48);
    expect(ring.level).toBe(level);
  });

  test("a new clock is played as it comes", () => {
    const ring = new JitterRing();
    play(ring, 400);
    const level = ring.level;
    ring.push(new Float32Array(FRAME), 9_000_000);
    ring.push(new Float32Array(FRAME), 100);
    expect(ring.level).toBe(level + 2 * FRAME);
    expect(ring.counts.concealments).toBe(0);
  });
});
