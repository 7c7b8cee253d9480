/** A line that gets narrow and bad: the voice comes first, the picture goes on, and both come back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Guest, Server, unbuilt } from "./house.mjs";
import { Lab, unable } from "./lab.mjs";
import { Line, unlaid } from "./line.mjs";
import { newRoom, openBrowser, PageGuest } from "./page.mjs";
import { wait } from "./room.mjs";

const skip = unable() ?? unbuilt() ?? unlaid() ?? false;
/** What is asked for: a narrow line that loses, and how much of a voice may be made up then. */
const NARROW = { kbits: 300, loss: 0.05 };
const CONCEALED = 0.03;
/** A machine that stops for a moment makes up more, whatever the line is like: it has so many windows of 10 s. */
const WINDOWS = 4;
/** What the picture has at least where the line is good, in bits per second: more than the narrow one could carry. */
const WIDE = 400_000;
/** Packets of a voice in a second: nearly one each 20 ms, but for those that get lost. */
const SPEECH = 35;
/** Samples of a voice in a second. */
const SECOND = 48_000;

let lab;
let server;
before(async () => {
  if (skip) return;
  lab = new Lab();
  server = await Server.start(lab);
});
after(() => lab?.close());

test("the app's peer connection", { skip }, async (t) => {
  const site = lab.site("port-restricted");
  const line = await Line.lay(site);
  const how = { media: true, voice: true, video: 1_000 };
  const ann = new Guest(site, server, "bandwidth", "ann", how);
  await ann.joined();
  const bob = new Guest(lab.site("full-cone"), server, "bandwidth", "bob", how);
  await Promise.all([ann.connected("bob"), bob.connected("ann")]);
  const ends = [
    ["to bob", () => bob.flow("ann"), () => ann.flow("bob")],
    ["to ann", () => ann.flow("bob"), () => bob.flow("ann")],
  ];
  await through(t, line, ends);
  await Promise.all([ann.leave(), bob.leave()]);
});

test("the guest page in Chromium", { skip }, async (t) => {
  const site = lab.site("port-restricted");
  const line = await Line.lay(site);
  const browsers = [];
  try {
    const { path } = newRoom();
    const guests = [];
    for (const [name, at] of [
      ["Ann", site],
      ["Bob", lab.site("full-cone")],
    ]) {
      browsers.push(await openBrowser(at, server.url));
      guests.push(await PageGuest.join(browsers.at(-1), server.url + path, name));
    }
    const [ann, bob] = guests.map((guest) => () => guest.flow());
    await through(t, line, [
      ["to Bob", bob, ann],
      ["to Ann", ann, bob],
    ]);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

/** The same for everybody: `ends` is, for each way, its name and what its receiver and its sender count. */
async function through(t, line, ends) {
  const both = (run) => Promise.all(ends.map(([way, heard, sent]) => run(way, heard, sent)));
  await t.test("is at ease on a good line", (good) =>
    both(async (way, heard, sent) => {
      good.diagnostic(`${way}: ${JSON.stringify(await hears(heard, 3))}`);
      await until(`${way}: the picture is good`, async () => (await sent()).target > WIDE);
    }),
  );
  await t.test("keeps the voice at 300 kbit/s and 5 % loss, and shows pictures", async (narrow) => {
    await line.impair(NARROW);
    await both((way, _, sent) =>
      until(`${way}: less is sent`, async () => (await sent()).target < NARROW.kbits * 1_000),
    );
    await both(async (way, heard) => {
      // What was in the queue, and what the voice learns from the first losses.
      await hears(heard, 5);
      let seen;
      for (let left = WINDOWS; left > 0; left -= 1) {
        seen = await hears(heard, 10);
        narrow.diagnostic(`${way}: ${JSON.stringify(seen)}`);
        if (seen.concealed < CONCEALED) break;
      }
      assert.ok(seen.concealed < CONCEALED, `${way}: ${seen.concealed} of the voice was made up`);
      assert.ok(seen.packets > SPEECH, `${way}: ${seen.packets} packets of the voice a second`);
      assert.ok(seen.frames > 12, `${way}: ${seen.frames} pictures`);
    });
  });
  await t.test("comes back when the line is wide again", async () => {
    await line.impair({});
    await both((way, _, sent) => until(`${way}: more is sent`, async () => (await sent()).target > WIDE));
  });
  const bad = {
    "jitter of 30 ms": { delayMs: 20, jitterMs: 30 },
    "every tenth packet overtaken": { delayMs: 20, reorder: 0.1, heldBackMs: 30 },
    "every tenth packet doubled": { duplicate: 0.1 },
    "bursts of loss": { loss: 0.05, burst: 4 },
  };
  for (const [name, impairment] of Object.entries(bad)) {
    await t.test(`goes on with ${name}`, async (one) => {
      await line.impair(impairment);
      await both(async (way, heard) => {
        const seen = await hears(heard, 4);
        one.diagnostic(`${way}: ${JSON.stringify(seen)}`);
        assert.ok(seen.frames > 5, `${way}: ${seen.frames} pictures`);
        assert.ok(seen.concealed < 0.5, `${way}: ${seen.concealed} of the voice was made up`);
      });
      await line.impair({});
    });
  }
}

/** What is heard and seen while so many seconds of the voice are played. */
async function hears(heard, seconds) {
  const played = (of) => of.voice?.totalSamplesReceived ?? 0;
  const from = await heard();
  let now = from;
  await until(`${seconds} s of the voice`, async () => {
    now = await heard();
    return played(now) - played(from) >= seconds * SECOND;
  });
  const since = (member) => (now.voice[member] ?? 0) - (from.voice?.[member] ?? 0);
  const samples = since("totalSamplesReceived");
  // What a busy machine did not play in time, though it was there, is not the line's doing.
  const concealed = since("concealedSamples") - since("lackedSamples");
  return {
    concealed: concealed / samples,
    packets: since("packetsReceived") / (samples / SECOND),
    lost: since("packetsLost"),
    restored: since("fecPacketsReceived"),
    frames: (now.frames ?? 0) - (from.frames ?? 0),
    kbits: Math.round((((now.bytes ?? 0) - (from.bytes ?? 0)) * 8) / 1_000 / (samples / SECOND)),
  };
}

async function until(what, is) {
  for (const deadline = Date.now() + 120_000; !(await is()); await wait(200)) {
    if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
  }
}
