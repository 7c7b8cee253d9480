/**
 * Everybody reaches everybody: each kind of router against each, with the app's own peer connection. Directly where ICE
 * can, by the server's relay where it cannot; which way the media went is read from the wire, and from the candidates that
 * both ends say they use. The same with the page in Chromium: pages.test.mjs.
 */
import { after, before, test } from "node:test";
import { Guest, unbuilt } from "./house.mjs";
import { unable } from "./lab.mjs";
import { Crossing, meets, way, wentBy } from "./meeting.mjs";
import { KINDS } from "./nat.mjs";

const skip = unable() ?? unbuilt() ?? false;
/** Cells at a time: the machine has few cores, and each cell waits most of its time. */
const AT_ONCE = 4;

let crossing;
before(async () => {
  if (!skip) crossing = await Crossing.open();
});
after(() => crossing?.close());

test("each kind of router against each", { skip, concurrency: AT_ONCE }, async (t) => {
  const cells = KINDS.flatMap((first) => KINDS.map((second) => ({ first, second })));
  await Promise.all(
    cells.map(({ first, second }) =>
      t.test(`${first} and ${second} meet ${way(first, second)}`, (cell) =>
        meets(cell, first, second, (nth) => meet(first, second, nth)),
      ),
    ),
  );
});

async function meet(first, second, nth) {
  const room = `${first}-${second}-${nth}`;
  const [here, there] = [crossing.first[first], crossing.second[second]];
  const guests = [];
  const open = (site, name) => {
    const guest = new Guest(site, crossing.server, room, name, { media: true });
    guests.push(guest);
    return guest;
  };
  try {
    const ann = open(here, "ann");
    await ann.joined();
    const bob = open(there, "bob");
    await Promise.all([ann.connected("bob"), bob.connected("ann")]);
    return wentBy(here, there, await Promise.all([ann.link("bob", 5), bob.link("ann", 5)]));
  } finally {
    await Promise.all(guests.map((guest) => guest.leave()));
  }
}
