import { expect, test } from "vitest";
import { isDetailed, plan, planLayer, useful, worthwhile } from "./plan";

const demand = (target?: number) => ({ active: true, ...(target !== undefined && { target }) });

test("without demands the picture is whole and good", () => {
  expect(plan([demand()], 640, 480, 30, 1)).toMatchObject({
    width: 640,
    height: 480,
    bitrate: 1_198_080,
    framerate: 0,
  });
});

test("what those prefer who are sent pictures comes before what these are like", () => {
  const [sharp, fluent] = [true, false].map((detailed) => ({ active: true, detailed })) as [object, object];
  const of = (...all: object[]) => all as Parameters<typeof isDetailed>[0];
  expect(isDetailed(of({ active: true }), true)).toBe(true);
  expect(isDetailed(of({ active: true }), false)).toBe(false);
  expect(isDetailed(of(sharp, { active: true }), false)).toBe(true);
  expect(isDetailed(of(sharp, fluent), true)).toBe(false);
  expect(isDetailed(of(sharp, { ...fluent, active: false }), false)).toBe(true);
});

test("the weakest receiver sets the bitrate, the silent ones do not", () => {
  const paused = { active: false, target: 50_000 };
  expect(plan([demand(900_000), demand(500_000), paused], 640, 480, 30, 1).bitrate).toBe(500_000);
  expect(plan([demand(10)], 640, 480, 30, 1).bitrate).toBe(60_000);
});

test("few bits make small pictures, and only clearly more bits make them grow again", () => {
  const small = plan([demand(200_000)], 640, 480, 30, 1);
  expect(small).toMatchObject({ scale: 1.5, width: 426, height: 320 });
  expect(plan([demand(300_000)], 640, 480, 30, small.scale).scale).toBe(1.5);
  expect(plan([demand(500_000)], 640, 480, 30, small.scale).scale).toBe(1);
});

test("limits of setParameters hold", () => {
  const limited = { active: true, maxBitrate: 400_000, maxFramerate: 15, scaleResolutionDownBy: 2 };
  expect(plan([limited, demand()], 1280, 720, 30, 1)).toMatchObject({
    bitrate: 400_000,
    framerate: 15,
    width: 640,
    height: 360,
  });
});

test("where even the smallest pictures are too many, fewer are made", () => {
  expect(plan([demand(60_000)], 1280, 720, 30, 1)).toMatchObject({ width: 320, height: 180, framerate: 0 });
  const tiny = plan([{ ...demand(60_000), scaleResolutionDownBy: 1 }], 1920, 1080, 30, 4);
  expect(tiny).toMatchObject({ width: 480, framerate: 15 });
});

test("what a receiver can use depends on size, limits and whether it gets anything", () => {
  expect(useful(demand(10), 640, 480, 30)).toBe(1_198_080);
  expect(useful({ active: true, scaleResolutionDownBy: 2 }, 640, 480, 30)).toBe(299_520);
  expect(useful({ active: true, maxBitrate: 200_000 }, 640, 480, 30)).toBe(200_000);
  expect(useful({ active: false }, 640, 480, 30)).toBe(0);
});

test("pictures that are read come slower before they get smaller", () => {
  const read = (target: number, relief = 0) => plan([demand(target)], 1920, 1080, 15, 1, relief, true);
  expect(read(1_000_000)).toMatchObject({ width: 1920, height: 1080, framerate: 0, limitation: "none" });
  expect(read(500_000)).toMatchObject({ width: 1920, height: 1080, framerate: 8, limitation: "bandwidth" });
  expect(read(200_000)).toMatchObject({ width: 1280, height: 720, framerate: 7 });
  expect(read(60_000)).toMatchObject({ width: 640, height: 360 });
  expect(read(1_000_000, 3)).toMatchObject({ width: 1920, height: 1080, framerate: 10, limitation: "cpu" });
  expect(plan([demand(500_000)], 1920, 1080, 15, 1)).toMatchObject({ width: 1280, framerate: 0 });
});

test("relief goes below what the bitrate alone would allow", () => {
  expect(plan([demand()], 640, 480, 30, 1, 2)).toMatchObject({ width: 320, height: 240 });
  expect(plan([demand()], 640, 480, 30, 1, 99)).toMatchObject({ width: 160, height: 120 });
});

test("relief makes fewer pictures, too, and never more than were asked for", () => {
  expect([0, 1, 2, 3, 99].map((relief) => plan([demand()], 640, 480, 30, 1, relief).framerate)).toEqual([
    0, 20, 15, 10, 10,
  ]);
  expect(plan([{ ...demand(), maxFramerate: 12 }], 640, 480, 30, 1, 1).framerate).toBe(12);
  expect(plan([demand()], 640, 480, 8, 1, 3).framerate).toBe(0);
});

test("small changes of the bitrate are not worth a key frame", () => {
  const former = plan([demand(1_000_000)], 640, 480, 30, 1);
  expect(worthwhile(former, { ...former, bitrate: 950_000 })).toBe(false);
  expect(worthwhile(former, { ...former, bitrate: 800_000 })).toBe(true);
  expect(worthwhile(former, { ...former, width: 320 })).toBe(true);
});

test("a layer keeps its size, and makes fewer pictures of it where it has few bits", () => {
  const low = { active: true, scaleResolutionDownBy: 4 };
  expect(planLayer([low], 1280, 720, 30)).toMatchObject({
    width: 320,
    height: 180,
    bitrate: 224_640,
    framerate: 0,
    limitation: "none",
  });
  const starved = planLayer([{ active: true, target: 500_000 }], 1280, 720, 30, 0);
  expect(starved).toMatchObject({ width: 1280, framerate: 18, limitation: "bandwidth" });
  expect(planLayer([low], 1280, 720, 30, 2)).toMatchObject({ framerate: 15, width: 320, limitation: "cpu" });
});

test("a paused receiver says nothing of a plan", () => {
  expect(plan([demand(0), demand(900_000)], 640, 480, 30, 1).bitrate).toBe(900_000);
});

test("what limits the pictures is told", () => {
  const limitation = (target: number | undefined, limits = {}, relief = 0) =>
    plan([{ ...demand(target), ...limits }], 640, 480, 30, 1, relief).limitation;
  expect(limitation(undefined)).toBe("none");
  expect(limitation(1_000_000, { scaleResolutionDownBy: 2 })).toBe("none");
  expect(limitation(100_000)).toBe("bandwidth");
  // The page's own limit is no lack.
  expect(limitation(100_000, { maxBitrate: 100_000 })).toBe("other");
  expect(limitation(1_000_000, {}, 1)).toBe("cpu");
});
