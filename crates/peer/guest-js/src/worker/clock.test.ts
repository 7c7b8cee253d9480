import { expect, test } from "vitest";
import { SourceClock } from "./clock";

test("the source's spacing is kept, whatever jitter it comes with", () => {
  const clock = new SourceClock();
  expect(clock.time(33_333, 1_000_000)).toBe(1_000_000);
  expect(clock.time(66_666, 1_050_000)).toBe(1_033_333);
  expect(clock.time(99_999, 1_051_000)).toBe(1_066_666);
});

test("a source without timestamps gets the time of arrival", () => {
  const clock = new SourceClock();
  const none = -9_223_372_036_854_776_000;
  expect([1000, 41_000, 81_000].map((now) => clock.time(none, now))).toEqual([1000, 41_000, 81_000]);
});

test("a clock that jumps or stands still is set anew, and time never goes back", () => {
  const clock = new SourceClock();
  clock.time(0, 1_000_000);
  expect(clock.time(9_000_000, 1_040_000)).toBe(1_040_000);
  expect(clock.time(9_000_000, 1_080_000)).toBe(1_080_000);
  expect(clock.time(9_033_000, 1_110_000)).toBe(1_113_000);
  expect(clock.time(0, 1_100_000)).toBe(1_113_001);
});
