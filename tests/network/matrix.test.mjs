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
      return t.test(`${first} and ${second} meet ${way}`, (cell) => meets(cell, first, second));
    }),
  );
  assert.ok(detours <= DETOURS, `${detours} pairs went by relay that can meet directly`);
});

/**
 * The engine nominates the first pair that works, and on a busy machine the relay's may be it: where a direct way must be
 * found, it has so many meetings to be found in, and few pairs may miss it all the same. By relay there is one, and nothing
 * may go another way.
 */
const MEETINGS = 3;
const DETOURS = 4;
let detours = 0;

async function meets(cell, first, second) {
  const expected = direct(first, second);
  for (let left = expected ? MEETINGS : 1; left > 0; left -= 1) {
    const ways = await meet(first, second, left);
    if (!expected) assert.deepEqual(ways, { there: false, back: false }, "which way media went");
    else if (ways.there && ways.back) return;
  }
  if (expected) {
    detours += 1;
    cell.diagnostic("connected by relay, though there is a direct way");
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
