import { expect, test } from "vitest";
import { budgetFor } from "./budget";

test("two people have all of the camera", () => {
  expect(budgetFor(1)).toEqual({ maxBitrate: 2_500_000, maxFramerate: 30, scaleResolutionDownBy: 1 });
  expect(budgetFor(0)).toEqual(budgetFor(1));
});

test("all pictures together stay within the upload, however many there are", () => {
  for (let others = 2; others <= 30; others++) {
    expect(budgetFor(others).maxBitrate * others).toBeLessThanOrEqual(3_000_000);
  }
});

test("one more never costs anybody more", () => {
  for (let others = 1; others <= 15; others++) {
    const [now, next] = [budgetFor(others), budgetFor(others + 1)];
    expect(next.maxBitrate).toBeLessThanOrEqual(now.maxBitrate);
    expect(next.maxFramerate).toBeLessThanOrEqual(now.maxFramerate);
    expect(next.scaleResolutionDownBy).toBeGreaterThanOrEqual(now.scaleResolutionDownBy);
  }
});
