import { describe, expect, test } from "vitest";
import { change, check, newHealth } from "./health";

describe("a link without media", () => {
  test("restarts after a moment, the earlier seat first, later ones further apart", () => {
    const failed = change(newHealth(0), "failed", 1_000);
    expect(check(failed, false, 1_400).restart).toBe(false);
    const first = check(failed, false, 1_500);
    expect(first.restart).toBe(true);
    expect(check(failed, true, 1_500).restart).toBe(false);
    expect(check(failed, true, 4_500).restart).toBe(true);
    expect(check(first.health, false, 2_500).restart).toBe(false);
    expect(check(first.health, false, 7_000).restart).toBe(true);
  });

  test("a short loss heals by itself, and a healed link starts over", () => {
    const broken = change(change(newHealth(0), "connected", 0), "disconnected", 1_000);
    expect(check(broken, false, 4_000).restart).toBe(false);
    expect(check(broken, false, 5_000).restart).toBe(true);
    expect(check(change(broken, "connected", 3_000), false, 60_000).restart).toBe(false);
  });
});
