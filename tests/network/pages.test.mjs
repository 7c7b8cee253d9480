/**
 * The real guest page in Chromium behind each kind of router, against itself and against the app's peer connection.
 *
 * Not all pairs: matrix.test.mjs has them for the app, a browser's ICE is not ours to test, and what could differ is how the
 * page uses it and how both stacks get along. So each kind is once on each side of two pages, and once on each side of a
 * page and an app, of which six meet directly and eight by relay. Where a page meets an app the app is the later one and has
 * the controlling role: a Chromium that has it changes its mind on the way, and the app stays with what it heard first.
 */
import { after, before, test } from "node:test";
import { Guest, unbuilt } from "./house.mjs";
import { SERVER, SERVER6, unable } from "./lab.mjs";
import { Crossing, meets, way, wentBy } from "./meeting.mjs";
import { KINDS } from "./nat.mjs";
import { newRoom, openBrowser, PageGuest } from "./page.mjs";

const skip = unable() ?? unbuilt() ?? false;
/** Pairs at a time: most of each is a browser that starts. */
const AT_ONCE = 3;

let crossing;
before(async () => {
  if (!skip) crossing = await Crossing.open();
});
after(() => crossing?.close());

test("pages behind routers", { skip, concurrency: AT_ONCE }, async (t) => {
  const shifted = (by) => KINDS.map((kind, at) => [kind, KINDS[(at + by) % KINDS.length]]);
  const pairs = [
    ...shifted(2).map(([first, second]) => ({ first, second, app: false })),
    ...shifted(3).map(([first, second]) => ({ first, second, app: true })),
  ];
  await Promise.all(
    pairs.map(({ first, second, app }) => {
      const name = `a page behind ${first} and ${app ? "an app" : "one"} behind ${second} meet ${way(first, second)}`;
      return t.test(name, (cell) =>
        meets(cell, first, second, () => meet(cell, crossing.first[first], crossing.second[second], app)),
      );
    }),
  );
});

async function meet(cell, here, there, app) {
  // A page of an app's room has no seal: the laboratory's guests know no keys.
  const room = newRoom({ sealed: !app });
  const guests = [];
  const browsers = [];
  const open = async (site, name) => {
    // By its address, as Chromium's ICE looks up no names in files.
    const base = `http://${site.kind === "ipv6-only" ? `[${SERVER6}]` : SERVER}:${crossing.server.port}`;
    const browser = await openBrowser(site, base);
    browsers.push(browser);
    const guest = await PageGuest.join(browser, base + room.path, name);
    guests.push(guest);
    return () => guest.link();
  };
  try {
    const links = [await open(here, "Ann")];
    if (app) {
      const guest = new Guest(there, crossing.server, room.name, "Bob", { media: true, voice: true });
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
    cell.diagnostic(seen.map(({ local, remote }) => `${local} ${remote}`).join(", "));
    return wentBy(here, there, seen);
  } finally {
    await Promise.all(guests.map((guest) => guest.leave()));
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}
