import { describe, expect, it } from "vitest";
import { places, whole } from "./places";

describe("places on a stage", () => {
  const stages = [
    [1264, 660],
    [884, 460],
    [374, 664],
  ] as const;

  it.each(stages)(
    "keeps every tile of 2 to 12 on a stage of %i by %i, and none over another",
    (width, height) => {
      for (let count = 2; count <= 12; count++) {
        const all = places(count, width, height);
        expect(all).toHaveLength(count);
        for (const [index, a] of all.entries()) {
          expect(a.x).toBeGreaterThanOrEqual(0);
          expect(a.y).toBeGreaterThanOrEqual(0);
          expect(a.x + a.width).toBeLessThanOrEqual(width + 1);
          expect(a.y + a.height).toBeLessThanOrEqual(height + 1);
          for (const b of all.slice(index + 1)) {
            expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y).toBe(true);
          }
        }
      }
    },
  );

  it("is empty while the stage has no size", () => {
    expect(places(4, 0, 0)).toEqual([]);
  });

  it("gives one person the whole stage, but not as a strip", () => {
    expect(whole(1280, 800)).toEqual({ x: 0, y: 0, width: 1280, height: 800 });
    const tall = whole(390, 800);
    expect(tall.width).toBe(390);
    expect(tall.height).toBe(693);
  });
});
