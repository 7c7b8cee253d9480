import { expect, test } from "vitest";
import { roll, wait } from "./backoff";

test("the dice are the same in both languages", () => {
  const [first, one] = roll(1);
  const [second, two] = roll(first);
  const [, three] = roll(second);
  // crates/session/src/backoff.rs expects the same.
  expect([one, two, three]).toEqual([1580013426, 350525680, 3524174333]);
});

test("waits grow to the cap and stay", () => {
  const budget = { base: 250, cap: 5_000 };
  let dice = 7;
  for (let nth = 1; nth < 200; nth++) {
    const full = Math.min(250 * 2 ** (nth - 1), 5_000);
    const [next, waited] = wait(budget, nth, dice);
    expect(waited).toBeGreaterThanOrEqual(Math.floor(full / 2));
    expect(waited).toBeLessThanOrEqual(full);
    dice = next;
  }
});
