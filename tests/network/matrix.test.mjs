/**
 * Everybody reaches everybody: each kind of router against each, with the app's own peer connection. Directly where ICE
 * can, by the server's relay where it cannot; which way the media went is read from the wire, and from the candidates that
 * both ends say they use. The same with the page in Chromium: pages.test.mjs.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Guest, Server, unbuilt } from "./house.mjs";
import { Lab, unable } from "./lab.mjs";
import { direct, KINDS } from "./nat.mjs";

const skip = unable() ?? unbuilt() ?? false;
/** Cells at a time: the machine has few cores, and each cell waits most of its time. */
const AT_ONCE = 4;

let lab;
let server;
const sites = { first: {}, second: {} };
before(async () => {
  if (skip) return;
  lab = new Lab();
  for (const side of Object.values(sites)) for (const kind of KINDS) side[kind] = lab.site(kind);
  server = await Server.start(lab);
});
after(() => lab?.close());

test("each kind of router against each", { skip, concurrency: AT_ONCE }, async (t) => {
  const cells = KINDS.flatMap((first) => KINDS.map((second) => ({ first, second })));
  await Promise.all(
    cells.map(({ first, second }) => {
      const way = direct(first, second) ? "directly" : "by relay";
      return t.test(`${first} and ${second} meet ${way}`, (cell) => meets(cell, first, second));
    }),
  );
});

/**
 * The engine keeps the first pair that it nominates, and waits with a relay's for the direct ones. A machine that stops for
 * longer than it waits has another meeting to show that there is a direct way. By relay there is one, and nothing may go
 * another way.
 */
const MEETINGS = 2;

async function meets(cell, first, second) {
  const expected = direct(first, second);
  for (let left = expected ? MEETINGS : 1; left > 0; left -= 1) {
    const ways = await meet(first, second, left);
    if (expected && left > 1 && ways.relays) {
      cell.diagnostic("by relay at first, though there is a direct way");
      continue;
    }
    assert.deepEqual(ways, { there: expected, back: expected, relays: !expected }, "which way media went");
    return;
  }
}

/** Whether media went directly each way, as the wire saw it, and whether either end says that it uses a relay. */
async function meet(first, second, nth) {
  const room = `${first}-${second}-${nth}`;
  const guests = [];
  try {
    const ann = new Guest(sites.first[first], server, room, "ann", { media: true });
    guests.push(ann);
    await ann.joined();
    const bob = new Guest(sites.second[second], server, room, "bob", { media: true });
    guests.push(bob);
    await Promise.all([ann.connected("bob"), bob.connected("ann")]);
    const links = await Promise.all([ann.link("bob", 5), bob.link("ann", 5)]);
    const [here, there] = [sites.first[first], sites.second[second]];
    return {
      there: here.reached().includes(there.address),
      back: there.reached().includes(here.address),
      relays: links.some(({ local, remote }) => local === "relay" || remote === "relay"),
    };
  } finally {
    await Promise.all(guests.map((guest) => guest.leave()));
  }
}
