import { describe, expect, test } from "vitest";
import { packTiles } from "./layout";

describe("tiles", () => {
  test.each([
    [1, 1280, 720, 1, 1],
    [2, 1280, 720, 2, 1],
    [2, 600, 1000, 1, 2],
    [3, 1280, 720, 2, 2],
    [4, 1280, 720, 2, 2],
    [5, 1280, 720, 3, 2],
    [9, 1280, 720, 3, 3],
    [6, 3000, 400, 6, 1],
  ])("%i in %i x %i: %i columns, %i rows", (count, width, height, columns, rows) => {
    expect(packTiles(count, width, height)).toMatchObject({ columns, rows });
  });

  test("fit, keep their shape, and no other number of columns makes them larger", () => {
    for (let count = 1; count <= 16; count++) {
      for (const [width, height] of [
        [320, 240],
        [800, 600],
        [1920, 1080],
        [400, 1600],
        [2000, 300],
      ] as const) {
        const best = packTiles(count, width, height, 8, 16 / 9);
        expect(best.columns * best.width + (best.columns - 1) * 8).toBeLessThanOrEqual(width);
        expect(best.rows * best.height + (best.rows - 1) * 8).toBeLessThanOrEqual(height);
        expect(best.columns * best.rows).toBeGreaterThanOrEqual(count);
        expect(Math.abs(best.width - (best.height * 16) / 9)).toBeLessThanOrEqual(2);
        for (let columns = 1; columns <= count; columns++) {
          const rows = Math.ceil(count / columns);
          const other = Math.min(
            (width - 8 * (columns - 1)) / columns,
            ((height - 8 * (rows - 1)) / rows) * (16 / 9),
          );
          expect(best.width + 1).toBeGreaterThan(other);
        }
      }
    }
  });

  test.each([
    [0, 100, 100],
    [3, 0, 100],
    [3, 100, -5],
    [Number.NaN, 100, 100],
  ])("nothing to pack: %s", (...args) => {
    expect(packTiles(...args)).toEqual({ columns: 0, rows: 0, width: 0, height: 0 });
  });

  test("a window smaller than its gaps has tiles of no size, not of a negative one", () => {
    expect(packTiles(9, 4, 4)).toMatchObject({ width: 0, height: 0 });
  });
});
