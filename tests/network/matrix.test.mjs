/**
 * Everybody reaches everybody: each kind of router against each, with the app's own peer connection. Directly where ICE
 * can, by the server's relay where it cannot; which way the media went is read from the wire.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Guest, Server, unbuilt } from "./house.mjs";
import { Lab, unable } from "./lab.mjs";
import { KINDS } from "./nat.mjs";

const skip = unable() ?? unbuilt() ?? false;
/** Cells at a time: the machine has few cores, and each cell waits most of its time. */
const AT_ONCE = 4;

/** Whether two kinds can meet without a relay. */
function direct(a, b) {
  const either = (kind) => a === kind || b === kind;
  if (either("udp-blocked")) return false;
  if (either("ipv6-only")) return a === b;
  if (!either("symmetric")) return true;
  // A symmetric one comes from a port that nobody could foresee: only those let it in that ask for no port.
  const other = a === "symmetric" ? b : a;
  return other === "full-cone" || other === "address-restricted";
}

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
      return t.test(`${first} and ${second} meet ${way}`, () => meets(first, second));
    }),
  );
});

/**
 * The engine nominates the first pair that works, and on a busy machine the relay's may be it: where a direct way must be
 * found, it has so many meetings to be found in. By relay there is one, and nothing may go another way.
 */
const MEETINGS = 3;

async function meets(first, second) {
  for (let left = direct(first, second) ? MEETINGS : 1; ; left -= 1) {
    const ways = await meet(first, second, left);
    if (left > 1 && !(ways.there && ways.back)) continue;
    assert.deepEqual(
      ways,
      { there: direct(first, second), back: direct(first, second) },
      "which way media went",
    );
    return;
  }
}

/** Whether media went directly, each way. */
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
    await Promise.all([ann.link("bob", 5), bob.link("ann", 5)]);
    const [here, there] = [sites.first[first], sites.second[second]];
    return {
      there: here.reached().includes(there.address),
      back: there.reached().includes(here.address),
    };
  } finally {
    await Promise.all(guests.map((guest) => guest.leave()));
  }
}
