// ITU-T H.264, table A-1 and A.3.1; RFC 6184, 8.1.
import { expect, test } from "vitest";
import { encoderConfig } from "./codecs";
import { announced, fastest, fit, room, scaled } from "./level";
import { plan, planLayer, useful, worthwhile } from "./plan";

/** MaxMBPS and MaxFS. */
const TABLE: Record<number, [number, number]> = {
  10: [1_485, 99],
  11: [3_000, 396],
  12: [6_000, 396],
  13: [11_880, 396],
  20: [11_880, 396],
  21: [19_800, 792],
  22: [20_250, 1_620],
  30: [40_500, 1_620],
  31: [108_000, 3_600],
  32: [216_000, 5_120],
  40: [245_760, 8_192],
  41: [245_760, 8_192],
  42: [522_240, 8_704],
  50: [589_824, 22_080],
  51: [983_040, 36_864],
  52: [2_073_600, 36_864],
  60: [4_177_920, 139_264],
  61: [8_355_840, 139_264],
  62: [16_711_680, 139_264],
};
const demand = (level: number, more = {}) => ({ active: true, h264: { level, ...more } });
const blocks = ({ width, height }: { width: number; height: number }) =>
  Math.ceil(width / 16) * Math.ceil(height / 16);

test("pictures of every size and rate keep to every level, in even pixels and their own shape", () => {
  for (const [level, [mbps, fs]] of Object.entries(TABLE)) {
    for (const [width, height] of [
      [3840, 2160],
      [1920, 1080],
      [1280, 720],
      [640, 480],
      [360, 640],
      [4096, 64],
    ] as const) {
      for (const rate of [5, 12.4, 15, 29.97, 30.02, 60]) {
        const made = [
          plan([demand(+level)], width, height, rate, 1),
          planLayer([demand(+level)], width, height, rate),
        ];
        for (const { width: across, height: down, framerate, most } of made) {
          const what = `${width}x${height} at ${rate}, level ${level}: ${across}x${down} at ${framerate}`;
          const count = blocks({ width: across, height: down });
          expect(count, what).toBeLessThanOrEqual(fs);
          expect(count * most, what).toBeLessThanOrEqual(mbps * 1.000001);
          // What is left out by `most` alone is not worth mentioning.
          expect(count * (framerate || rate), what).toBeLessThanOrEqual(mbps * 1.05);
          expect(Math.max(Math.ceil(across / 16), Math.ceil(down / 16)) ** 2, what).toBeLessThanOrEqual(
            fs * 8,
          );
          expect([across % 2, down % 2], what).toEqual([0, 0]);
          if (height > 64) expect(Math.abs(down - (across * height) / width), what).toBeLessThanOrEqual(2.5);
        }
      }
    }
  }
});

test("what a level has room for is left as it is", () => {
  for (const [level, width, height, rate] of [
    [31, 1280, 720, 30],
    [31, 640, 480, 60],
    [30, 640, 480, 30],
    [22, 640, 480, 15],
    [40, 1920, 1080, 30],
    [13, 352, 288, 30],
  ] as const) {
    const free = { active: true };
    const asked = [width, height, rate] as const;
    for (const target of [undefined, 300_000]) {
      const known = target === undefined ? {} : { target };
      const confined = { ...demand(level), ...known };
      const { within, most, ...same } = plan([confined], ...asked, 1);
      expect(plan([{ ...free, ...known }], ...asked, 1)).toMatchObject(same);
      const { within: _, most: __, ...layer } = planLayer([confined], ...asked);
      expect(planLayer([{ ...free, ...known }], ...asked)).toMatchObject(layer);
      expect(useful(confined, ...asked)).toBe(useful({ ...free, ...known }, ...asked));
      expect(most).toBeGreaterThanOrEqual(rate);
    }
  }
});

test("larger pictures get smaller, more than 30 a second come slower first, and those that are read slower yet", () => {
  expect(plan([demand(31)], 1920, 1080, 30, 1)).toMatchObject({
    width: 1280,
    height: 720,
    framerate: 0,
    limitation: "other",
  });
  expect(plan([demand(31)], 1280, 720, 60, 1)).toMatchObject({ width: 1280, height: 720, framerate: 30 });
  const level11 = plan([demand(11)], 640, 480, 30, 1);
  expect(blocks(level11)).toBeGreaterThan(80);
  const read = plan([demand(11)], 640, 480, 30, 1, 0, true);
  expect(blocks(read)).toBeGreaterThan(300);
  expect(read.framerate).toBeCloseTo(3_000 / blocks(read));
  // No more bits than such pictures need.
  expect(plan([demand(13)], 1280, 720, 30, 1).bitrate).toBeLessThan(400_000);
  expect(useful(demand(13), 1280, 720, 30)).toBeLessThan(400_000);
});

test("the page's own limits count as well", () => {
  const small = { ...demand(31), scaleResolutionDownBy: 4 };
  expect(plan([small], 1920, 1080, 30, 1)).toMatchObject({
    width: 480,
    height: 270,
    framerate: 0,
    limitation: "none",
  });
  expect(plan([{ ...demand(31), maxFramerate: 10 }], 1280, 720, 60, 1).framerate).toBe(10);
});

test("all receivers of an encoder take what it makes", () => {
  const both = plan([demand(40), demand(13), { active: false, h264: { level: 10 } }], 1280, 720, 30, 1);
  expect(both).toMatchObject({ within: { level: 13, fs: 396, mbps: 11_880 } });
  expect(plan([demand(13)], 1280, 720, 30, 1)).toEqual(both);
});

test("a remote may take more than its level has, and none is taken for less", () => {
  expect(room({ level: 13, maxFs: 3_600, maxMbps: 108_000 })).toEqual({
    level: 13,
    fs: 3_600,
    mbps: 108_000,
  });
  expect(room({ level: 31, maxFs: 99, maxMbps: 0 })).toEqual({ level: 31, fs: 3_600, mbps: 108_000 });
  for (const [idc, known] of [
    [0, 10],
    [9, 10],
    [14, 13],
    [33, 32],
    [255, 62],
  ] as const)
    expect(room({ level: idc })?.level, `${idc}`).toBe(known);
  expect(room(undefined)).toBeUndefined();
  expect(fit(undefined, 9_999, 9_999, 1.5, 60)).toBe(1.5);
  expect(fastest(undefined, scaled(9_999, 9_999, 1))).toBe(Number.POSITIVE_INFINITY);
});

test("a stream is said to be of its receiver's level, as far as it is", () => {
  const picture = { width: 352, height: 288, bitrate: 300_000, framerate: 30 };
  const codec = (level: number, more = {}) => encoderConfig("H264", picture, room({ level, ...more })).codec;
  expect([10, 13, 30, 31, 52].map((level) => codec(level))).toEqual(
    // Level 1 has no such pictures: only who takes more than that is sent them.
    ["avc1.42e01f", "avc1.42e00d", "avc1.42e01e", "avc1.42e01f", "avc1.42e01f"],
  );
  expect(encoderConfig("H264", picture).codec).toBe("avc1.42e01f");
  expect(encoderConfig("H264", { ...picture, width: 1920, height: 1080 }).codec).toBe("avc1.42e028");
  expect(encoderConfig("VP8", { ...picture, width: 1920, height: 1080 }).codec).toBe("vp8");
  expect(announced(room({ level: 13 }), { ...picture, bitrate: 800_000 }, 31)).toBe(31);
});

test("another level is worth a reconfiguration", () => {
  const [former, next] = [31, 30].map((level) => plan([demand(level)], 640, 480, 30, 1));
  expect(former && next && worthwhile(former, next)).toBe(true);
  expect(former && worthwhile(former, former)).toBe(false);
});
