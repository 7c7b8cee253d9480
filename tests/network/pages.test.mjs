/**
 * The real guest page in Chromium behind each kind of router, against itself and against the app's peer connection.
 *
 * Not all pairs: matrix.test.mjs has them for the app, a browser's ICE is not ours to test, and what could differ is how the
 * page uses it and how both stacks get along. So each kind is once on each side of two pages, and once on each side of a
 * page and an app, of which six meet directly and eight by relay. Where a page meets an app the app is the later one and has
 * the controlling role: a Chromium that has it changes its mind on the way, and the app stays with what it heard first.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Guest, Server, unbuilt } from "./house.mjs";
import { Lab, SERVER, SERVER6, unable } from "./lab.mjs";
import { direct, KINDS } from "./nat.mjs";
import { newRoom, openBrowser, PageGuest } from "./page.mjs";

const skip = unable() ?? unbuilt() ?? false;
/** Pairs at a time: most of each is a browser that starts. */
const AT_ONCE = 3;
const MEETINGS = 2;

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

test("pages behind routers", { skip, concurrency: AT_ONCE }, async (t) => {
  const shifted = (by) => KINDS.map((kind, at) => [kind, KINDS[(at + by) % KINDS.length]]);
  const pairs = [
    ...shifted(2).map(([first, second]) => ({ first, second, app: false })),
    ...shifted(3).map(([first, second]) => ({ first, second, app: true })),
  ];
  await Promise.all(
    pairs.map((pair) => {
      const way = direct(pair.first, pair.second) ? "directly" : "by relay";
      const name = `a page behind ${pair.first} and ${pair.app ? "an app" : "one"} behind ${pair.second} meet ${way}`;
      return t.test(name, (cell) => meets(cell, pair));
    }),
  );
});

async function meets(cell, { first, second, app }) {
  const expected = direct(first, second);
  for (let left = expected ? MEETINGS : 1; left > 0; left -= 1) {
    const ways = await meet(sites.first[first], sites.second[second], app);
    cell.diagnostic(JSON.stringify(ways));
    // As in matrix.test.mjs.
    if (expected && left > 1 && ways.relays) continue;
    assert.equal(ways.relays, !expected, "whether either end uses a relay");
    if (expected) assert.deepEqual([ways.there, ways.back], [true, true], "media went directly");
    else assert.deepEqual([ways.there, ways.back], [false, false], "media went by relay");
    return;
  }
}

async function meet(here, there, app) {
  // A page of an app's room has no seal: the laboratory's guests know no keys.
  const room = newRoom({ sealed: !app });
  const guests = [];
  const browsers = [];
  const open = async (site, name) => {
    // By its address, as Chromium's ICE looks up no names in files.
    const base = `http://${site.kind === "ipv6-only" ? `[${SERVER6}]` : SERVER}:${server.port}`;
    const browser = await openBrowser(site, base);
    browsers.push(browser);
    const guest = await PageGuest.join(browser, base + room.path, name);
    guests.push(guest);
    return () => guest.link();
  };
  try {
    const links = [await open(here, "Ann")];
    if (app) {
      const guest = new Guest(there, server, room.name, "Bob", { media: true, voice: true });
      guests.push(guest);
      await guest.joined();
      const { here: others } = await guest.until(
        "it sees the page",
        ({ event, here }) => event === "roster" && here.length > 0,
      );
      await guest.connected(others[0]);
      links.push(() => guest.link(others[0]));
    } else {
      links.push(await open(there, "Bob"));
    }
    const seen = await Promise.all(links.map((link) => link()));
    return {
      there: here.reached().includes(there.address),
      back: there.reached().includes(here.address),
      relays: seen.some(({ local, remote }) => local === "relay" || remote === "relay"),
      types: seen.map(({ local, remote }) => `${local} ${remote}`),
    };
  } finally {
    await Promise.all(guests.map((guest) => guest.leave()));
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}
