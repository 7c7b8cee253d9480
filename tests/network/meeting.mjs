/** What the files have in common that try who meets whom, and which way: matrix.test.mjs and pages.test.mjs. */
import assert from "node:assert/strict";
import { Server } from "./house.mjs";
import { Lab } from "./lab.mjs";
import { direct, KINDS } from "./nat.mjs";

/** A site behind each kind of router on each of two sides, and a server between them. */
export class Crossing {
  first = {};
  second = {};

  static async open() {
    const crossing = new Crossing();
    crossing.lab = new Lab();
    for (const side of [crossing.first, crossing.second])
      for (const kind of KINDS) side[kind] = crossing.lab.site(kind);
    crossing.server = await Server.start(crossing.lab);
    return crossing;
  }

  close() {
    this.lab.close();
  }
}

/** How two kinds are expected to meet, in words. */
export function way(first, second) {
  return direct(first, second) ? "directly" : "by relay";
}

/**
 * Which way media went between two sites: whether directly, there and back, as the wire saw it, and whether a relay, as
 * `links` tell what both ends say that they use.
 */
export function wentBy(here, there, links) {
  return {
    there: here.reached().includes(there.address),
    back: there.reached().includes(here.address),
    relays: links.some(({ local, remote }) => local === "relay" || remote === "relay"),
  };
}

/**
 * The engine keeps the first pair that it nominates, and waits with a relay's for the direct ones. A machine that stops for
 * longer than it waits has another meeting to show that there is a direct way. By relay there is one, and nothing may go
 * another way.
 */
const MEETINGS = 2;

/** Asserts that two kinds meet as they should. `meet` is given the number of meetings left, and what it gives is `wentBy`. */
export async function meets(cell, first, second, meet) {
  const expected = direct(first, second);
  for (let left = expected ? MEETINGS : 1; left > 0; left -= 1) {
    const went = await meet(left);
    if (expected && left > 1 && went.relays) {
      cell.diagnostic("by relay at first, though there is a direct way");
      continue;
    }
    assert.deepEqual(went, { there: expected, back: expected, relays: !expected }, "which way media went");
    return;
  }
}
