import { expect, test } from "vitest";
import { RateControl } from "./control";

/** Runs an encoder that makes `factor` times what it is asked for, at most `most`; the last second's bits. */
function run(factor: number, most: number, wanted = 500_000, control = new RateControl("VP8"), least = 0) {
  let last = 0;
  for (let frame = 0; frame < 300; frame++) {
    const bits = Math.max(Math.min(control.bitrate(wanted) * factor, most), least) / 30;
    control.made(frame % 150 === 0 ? 40_000 : bits / 8, frame % 150 === 0);
    control.judge(wanted, 30, frame * 33.3);
    if (frame >= 270) last += bits;
  }
  return last;
}

test("an encoder that makes far too much is brought to what is wanted", () => {
  expect(run(27, 1e9)).toBeGreaterThan(380_000);
  expect(run(27, 1e9)).toBeLessThan(560_000);
});

test("an encoder that does as told is asked for what is wanted", () => {
  expect(run(1, 1e9)).toBeGreaterThan(380_000);
  expect(run(1, 1e9)).toBeLessThan(560_000);
});

test("a still picture does not make it forget what a moving one takes", () => {
  const control = new RateControl("VP8");
  run(27, 1e9, 500_000, control);
  run(27, 30_000, 500_000, control);
  expect(control.bitrate(500_000) * 27).toBeLessThan(1_200_000);
});

test("pictures that cannot get any coarser are no reason to ask for less and less", () => {
  const control = new RateControl("VP8");
  run(27, 1e9, 1_500_000, control);
  run(27, 1e9, 250_000, control, 430_000);
  expect(run(27, 1e9, 1_500_000, control)).toBeGreaterThan(1_000_000);
});
