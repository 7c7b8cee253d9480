import { expect, test } from "vitest";
import { BEAT, MOST, Pressure } from "./pressure";

function machine() {
  const pressure = new Pressure();
  let now = 1000;
  pressure.beat(now);
  return {
    pressure,
    /** `seconds` in which each beat is `late` milliseconds late. */
    run(seconds: number, late: number) {
      const end = now + seconds * 1000;
      while (now < end) {
        now += BEAT + late;
        pressure.beat(now);
      }
      return pressure.level;
    },
  };
}

test("a machine that follows is left alone", () => {
  const { run } = machine();
  expect(run(60, 1)).toBe(0);
  expect(run(60, 12)).toBe(0);
});

test("the longer it cannot follow, the more it is spared, up to a point", () => {
  const { run } = machine();
  expect(run(3, 60)).toBe(0);
  expect(run(3, 60)).toBe(1);
  expect(run(6, 60)).toBe(2);
  expect(run(60, 60)).toBe(MOST);
});

test("what was spared comes back slowly, and only once it can follow well", () => {
  const { run } = machine();
  run(20, 60);
  expect(run(60, 25)).toBe(MOST);
  expect(run(13, 2)).toBe(MOST - 1);
  expect(run(60, 2)).toBe(0);
});

test("a moment of trouble, as at the start of a call, is no load", () => {
  const { run } = machine();
  for (let times = 0; times < 9; times++) {
    expect(run(2.5, 60)).toBe(0);
    expect(run(5, 5)).toBe(0);
  }
});

test("a sleep, or a hidden page's slow timers, are no load", () => {
  const { run, pressure } = machine();
  expect(run(60, 800)).toBe(0);
  pressure.beat(10_000_000);
  expect(run(2, 1)).toBe(0);
});
