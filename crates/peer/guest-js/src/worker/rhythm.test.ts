import { expect, test } from "vitest";
import { Rhythm } from "./rhythm";

/** Shows pictures at these times, in milliseconds. */
function after(...times: number[]): ReturnType<Rhythm["stats"]> {
  const rhythm = new Rhythm();
  for (const time of times) rhythm.shown(time);
  return rhythm.stats();
}

/** Pictures every 40 ms, so many. */
const even = (count: number) => Array.from({ length: count }, (_, index) => 40 * index);

test("pictures that come evenly are no freeze, and their distances are summed", () => {
  const stats = after(...even(26));
  expect(stats).toMatchObject({ freezeCount: 0, totalFreezesDuration: 0, pauseCount: 0 });
  expect(stats.totalInterFrameDelay).toBeCloseTo(1);
  expect(stats.totalSquaredInterFrameDelay).toBeCloseTo(25 * 0.04 ** 2);
});

test("one that comes 150 ms later than usual ends a freeze", () => {
  expect(after(...even(10), 360 + 189)).toMatchObject({ freezeCount: 0 });
  const stats = after(...even(10), 360 + 190);
  expect(stats.freezeCount).toBe(1);
  expect(stats.totalFreezesDuration).toBeCloseTo(0.19);
});

test("where pictures are rare, one is late after three times as long", () => {
  const rare = Array.from({ length: 10 }, (_, index) => 500 * index);
  expect(after(...rare, 4_500 + 1_499)).toMatchObject({ freezeCount: 0 });
  expect(after(...rare, 4_500 + 1_500)).toMatchObject({ freezeCount: 1 });
});

test("nothing for more than five seconds is a pause and no freeze, and does not change what is usual", () => {
  const stats = after(...even(10), 360 + 6_000, 6_400, 6_400 + 190);
  expect(stats).toMatchObject({ freezeCount: 1, pauseCount: 1, totalPausesDuration: 6 });
});

test("what is usual is what the last thirty were", () => {
  const slow = Array.from({ length: 31 }, (_, index) => 400 * index);
  const quick = Array.from({ length: 30 }, (_, index) => 12_000 + 40 * (index + 1));
  expect(after(...slow, ...quick, 13_200 + 190)).toMatchObject({ freezeCount: 1 });
});

test("before there is something usual nothing is late", () => {
  expect(after(0, 40, 80, 2_000)).toMatchObject({ freezeCount: 0 });
});
