import { describe, expect, test } from "vitest";
import { change, check, newHealth, restarted } from "./health";

describe("a link without media", () => {
  test("restarts at once, the earlier seat first, later ones further apart", () => {
    const failed = change(newHealth(0), "failed", 1_000);
    const first = check(failed, false, 1_000);
    expect(first.restart).toBe(true);
    expect(check(failed, true, 3_900).restart).toBe(false);
    expect(check(failed, true, 4_000).restart).toBe(true);
    expect(check(first.health, false, 2_500).restart).toBe(false);
    expect(check(first.health, false, 6_000).restart).toBe(true);
  });

  test("a healed link starts over", () => {
    const broken = change(change(newHealth(0), "connected", 0), "disconnected", 1_000);
    const { health } = check(broken, false, 1_000);
    const healed = change(health, "connected", 3_000);
    expect(check(healed, false, 60_000).restart).toBe(false);
    expect(check(change(healed, "disconnected", 60_000), false, 60_000).restart).toBe(true);
  });

  test("a restart for a reason of the network's own is one", () => {
    const broken = change(newHealth(0), "disconnected", 1_000);
    expect(check(restarted(broken, 3_900), true, 4_000).restart).toBe(false);
  });
});
