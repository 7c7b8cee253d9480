import type { Budget } from "./config";

/**
 * SplitMix with 32 bits of state, the same as in crates/session/src/backoff.rs: the next state, and the roll.
 */
export function roll(dice: number): [dice: number, roll: number] {
  const next = (dice + 0x9e3779b9) >>> 0;
  let mixed = next;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return [next, (mixed ^ (mixed >>> 15)) >>> 0];
}

/** The wait before try `nth`, counted from 1, in milliseconds. */
export function wait(budget: Budget, nth: number, dice: number): [dice: number, wait: number] {
  const doublings = Math.min(Math.max(nth - 1, 0), 20);
  const full = Math.min(budget.base * 2 ** doublings, budget.cap);
  const half = Math.floor(full / 2);
  const [next, rolled] = roll(dice);
  return [next, half + (rolled % (full - half + 1))];
}
