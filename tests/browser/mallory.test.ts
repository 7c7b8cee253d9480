/** A malicious server between real pages: what it does is without effect, or shown to the people in the call. */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Frame, Mallory } from "../support/mallory.ts";
import type { Guest } from "./guest.ts";
import { house } from "./house.ts";

const inn = house();
let mallory: Mallory;

beforeAll(async () => {
  mallory = await Mallory.before(inn.server.port);
});
afterEach(() => {
  mallory.behave();
  mallory.victims.length = 0;
});
afterAll(() => mallory.close());

const isLetter = (frame: Frame) => frame.type === "message" && sealedIn(frame) !== undefined;
const numberOf = (frame: Frame) => sealedIn(frame)?.n ?? 0;
/** Past the handshake, so that there is somebody to be wronged. */
const isSignal = (frame: Frame) => isLetter(frame) && numberOf(frame) > 2;

test("an honest one learns nothing but who is here and when; all see one code", async () => {
  const [ann, ben] = await pair("Annabella Winterbottom", "Benedict Summerhill");
  await ann.press("Turn microphone off");
  await ben.tile(ann.name).getByLabel("Microphone off").waitFor();
  const said = mallory.victims.flatMap((victim) => victim.said);
  expect(said.filter(({ type }) => !["join", "message", "ping"].includes(type))).toEqual([]);
  for (const victim of mallory.victims) {
    // The relays are the server's own.
    const told = victim.told.map(({ iceServers: _, ...frame }) => frame);
    const text = JSON.stringify([...victim.said, ...told]);
    // Each too long to turn up in sealed text, which is random base64, by chance.
    const secrets = [/candidate/, /fingerprint/, /"sdp"/, /Annabella/, /Benedict/, /127\.0\.0\.1/, /m=audio/];
    expect(secrets.filter((secret) => secret.test(text))).toEqual([]);
  }
  expect(await shield(ann)).toBe("sealed");
  const codes = await Promise.all([code(ann), code(ben)]);
  expect(codes[0]).toMatch(/^([a-z]+ ){6}\d{6}$/);
  expect(codes[1]).toBe(codes[0]);
  await ann.screenshot("guest-call-shield");
});

test("the code is one for three, and another once somebody comes or goes", async () => {
  const link = mallory.lure(inn.room());
  const [ann, ben] = await pairOn(link, "Ann", "Ben");
  const two = await code(ann);
  const cleo = await inn.open(link, "Cleo");
  await cleo.join();
  await cleo.hearsAndSees(["Ann", "Ben"], 5);
  const three = await code(cleo);
  expect(three).not.toBe(two);
  expect(await Promise.all([code(ann), code(ben)])).toEqual([three, three]);
  await cleo.leave();
  await ann.tile("Cleo").waitFor({ state: "detached" });
  await ann.page.waitForFunction(
    (old) => document.querySelector("[data-code]")?.getAttribute("data-code") !== old,
    three,
  );
});

test("swaps a description for one of its own, in clear: nobody answers, and it is shown", async () => {
  const swapped = "v=0\r\na=fingerprint:sha-256 00:11\r\n";
  let left = 3;
  mallory.toClient = (frame) => {
    if (!isSignal(frame) || left === 0) return [frame];
    left -= 1;
    return [{ type: "offer", from: frame.from, sdp: { type: "offer", sdp: swapped } }];
  };
  const [ann, ben] = await joined("Ann", "Ben");
  await Promise.race([isTampered(ann, "clear"), isTampered(ben, "clear")]);
  for (const { said } of mallory.victims) {
    expect(said.filter(({ type }) => ["offer", "answer", "candidate"].includes(type))).toEqual([]);
  }
  // What was lost is made up for once it stops.
  await Promise.all([ann.hearsAndSees("Ben", 5), ben.hearsAndSees("Ann", 5)]);
});

test("changes letters: none is read, and it is shown", async () => {
  let left = 2;
  mallory.toClient = (frame) => {
    if (!isSignal(frame) || left === 0) return [frame];
    left -= 1;
    const { c } = sealedIn(frame) ?? { c: "" };
    return [withSealed(frame, { c: c.slice(0, 100) + (c[100] === "A" ? "B" : "A") + c.slice(101) })];
  };
  const [ann, ben] = await joined("Ann", "Ben");
  await Promise.race([isTampered(ann, "forged"), isTampered(ben, "forged")]);
  await Promise.all([ann.hearsAndSees("Ben", 5), ben.hearsAndSees("Ann", 5)]);
});

test("says everything twice: each is heard once, and it is shown", async () => {
  mallory.toClient = (frame, victim) => {
    if (isLetter(frame)) victim.tell(frame);
    return [frame];
  };
  const [ann, ben] = await pair("Ann", "Ben");
  await Promise.all([isTampered(ann, "replayed"), isTampered(ben, "replayed")]);
  await ann.screenshot("guest-call-tampered");
  expect(await code(ann)).toBe(await code(ben));
});

test("turns the order around: what was overtaken is lost, and it is shown", async () => {
  const kept = new Map<number, Frame>();
  mallory.toClient = (frame, victim) => {
    if (!isSignal(frame)) return [frame];
    const before = kept.get(victim.nth);
    if (before !== undefined) {
      mallory.behave();
      return [frame, before];
    }
    kept.set(victim.nth, frame);
    return [];
  };
  const [ann, ben] = await joined("Ann", "Ben");
  await Promise.race([isTampered(ann, "missing"), isTampered(ben, "missing")]);
  await Promise.all([ann.hearsAndSees("Ben", 5), ben.hearsAndSees("Ann", 5)]);
});

test("delivers to others, and in others' names: nobody takes it, and it is shown", async () => {
  const link = mallory.lure(inn.room());
  const [ann, ben] = await pairOn(link, "Ann", "Ben");
  const cleo = await inn.open(link, "Cleo");
  await cleo.join();
  await cleo.hearsAndSees("Ann", 5);
  const [annSeat, benSeat] = [mallory.victim(0).peerId, mallory.victim(1).peerId];
  mallory.toClient = (frame, victim) => {
    if (!isLetter(frame) || victim.nth !== 1) return [frame];
    // Ann's letter to Ben goes to Cleo, and comes to Ben from Cleo.
    mallory.victim(2).tell(frame);
    return [{ ...frame, from: mallory.victim(2).peerId }];
  };
  await ann.press("Turn microphone off");
  await Promise.all([isTampered(ben, "forged"), isTampered(cleo, "forged")]);
  await cleo.tile("Ann").getByLabel("Microphone off").waitFor();
  expect(await cleo.tile("Ben").getByLabel("Microphone off").count()).toBe(0);
  expect([annSeat, benSeat].every((seat) => seat !== "")).toBe(true);
});

test("invents somebody: shown as one without the key, sent a hello and nothing else", async () => {
  const [ann, ben] = await pair("Ann", "Ben");
  const eve = { peerId: "eve-seat", identity: "eve", name: "Ben", role: "member", away: false, muted: [] };
  mallory.victim(0).tell({ type: "peer-joined", ...eve });
  mallory.victim(0).tell({ type: "offer", from: "eve-seat", sdp: { type: "offer", sdp: "v=0\r\n" } });
  await ann.page.getByText("No room key").waitFor();
  expect(await shield(ann)).toBe("stranger");
  await ann.screenshot("guest-call-stranger");
  await ann.press("Turn microphone off");
  await ben.tile("Ann").getByLabel("Microphone off").waitFor();
  expect(mallory.victim(0).saidTo("eve-seat").map(numberOf)).toEqual([0]);
  expect((await ann.stats()).peers.map(({ name }) => name)).toEqual(["Ben"]);
  expect(await shield(ben)).toBe("sealed");
});

test("one with another key is a stranger to all, and they to it", async () => {
  const link = mallory.lure(inn.room());
  const ann = await inn.open(link, "Ann");
  await ann.join();
  const eve = await inn.open(
    `${link.slice(0, link.indexOf("#"))}#${randomBytes(16).toString("base64url")}`,
    "Eve",
  );
  await eve.join();
  await Promise.all([ann, eve].map((guest) => guest.page.getByText("No room key").waitFor()));
  for (const guest of [ann, eve]) {
    expect(await shield(guest)).toBe("stranger");
    expect(await guest.stats()).toMatchObject({ peers: [], peerConnectionsMade: 0 });
  }
});

test("replays an old call on the same seats: nobody is taken for present", async () => {
  const link = mallory.lure(inn.room());
  const [first, ben] = await pairOn(link, "Ann", "Ben");
  const [annSeat, benSeat] = [mallory.victim(0).peerId, mallory.victim(1).peerId];
  const letters = mallory.victim(0).told.filter(isLetter);
  expect(letters.length).toBeGreaterThan(3);
  await Promise.all([first.close(), ben.close()]);

  // Ann comes back to the same room; her new seat gets the old one's name, and the old Ben is there.
  mallory.toClient = (frame) => (frame.type === "joined" ? [{ ...frame, peerId: annSeat }] : [frame]);
  mallory.toServer = (frame) => (frame.type === "message" ? [] : [frame]);
  const ann = await inn.open(link, "Ann");
  await ann.join();
  const again = mallory.victim(2);
  const old = { peerId: benSeat, identity: benSeat, name: "Ben", role: "member", away: false, muted: [] };
  again.tell({ type: "peer-joined", ...old });
  for (const letter of letters) again.tell(letter);
  await isTampered(ann, "replayed");
  await ann.page.getByText("No room key").waitFor();
  expect(await ann.stats()).toMatchObject({ peers: [], peerConnectionsMade: 0 });
  // Old hellos are answered; an answer tells nobody anything without the key, and signals are for those who are present.
  expect(again.saidTo(benSeat).filter((frame) => numberOf(frame) > 2)).toEqual([]);
});

test("hides that somebody left: the media tells", async () => {
  const [ann, ben] = await pair("Ann", "Ben");
  mallory.toClient = (frame) => (frame.type === "peer-left" ? [] : [frame]);
  await ben.leave();
  await ann.page.locator("[data-link=reconnecting]").waitFor();
});

test("hands out relays of the past: the call finds its own way", async () => {
  mallory.toClient = (frame) =>
    frame.type === "joined"
      ? [
          {
            ...frame,
            iceServers: [
              { urls: ["turn:127.0.0.1:9?transport=tcp"], username: "1:ann", credential: "stale" },
              { urls: ["stun:127.0.0.1:9"] },
            ],
          },
        ]
      : [frame];
  const [ann] = await pair("Ann", "Ben");
  expect(await shield(ann)).toBe("sealed");
});

test("gives a room without a key: it is shown as one that is open", async () => {
  const link = mallory.lure(inn.room()).replace(/#.*$/, "");
  const ann = await inn.open(link, "Ann");
  await ann.page.getByText("Not sealed: this link has no key").waitFor();
  await ann.join();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await ann.hearsAndSees("Ben", 5);
  expect([await shield(ann), await shield(ben)]).toEqual(["open", "open"]);
  await ann.screenshot("guest-call-open");
});

async function joined(one: string, other: string): Promise<[Guest, Guest]> {
  return joinedOn(mallory.lure(inn.room()), one, other);
}

async function joinedOn(link: string, one: string, other: string): Promise<[Guest, Guest]> {
  const first = await inn.open(link, one);
  await first.join();
  const second = await inn.open(link, other);
  await second.join();
  return [first, second];
}

async function pair(one: string, other: string): Promise<[Guest, Guest]> {
  return pairOn(mallory.lure(inn.room()), one, other);
}

/** Two who see and hear each other. */
async function pairOn(link: string, one: string, other: string): Promise<[Guest, Guest]> {
  const [first, second] = await joinedOn(link, one, other);
  await Promise.all([first.hearsAndSees(other, 5), second.hearsAndSees(one, 5)]);
  return [first, second];
}

async function shield(guest: Guest): Promise<string | null> {
  return guest.page.locator("[data-shield]").getAttribute("data-shield");
}

/** Opens the panel, if it is not, and leaves it open. */
async function panel(guest: Guest): Promise<void> {
  if ((await guest.page.locator(".shield-panel").count()) > 0) return;
  await guest.press(/^Who can listen/);
}

async function code(guest: Guest): Promise<string | null> {
  await panel(guest);
  return guest.page.locator("[data-code]").getAttribute("data-code");
}

async function isTampered(guest: Guest, alarm: string): Promise<void> {
  await guest.page.locator("[data-shield=tampered]").waitFor();
  await panel(guest);
  await guest.page.locator(`[data-alarm=${alarm}]`).waitFor();
  await guest.page.keyboard.press("Escape");
}

function sealedIn(frame: Frame): { n: number; c: string } | undefined {
  return (frame.data as { sealed?: { n: number; c: string } } | null | undefined)?.sealed;
}

function withSealed(frame: Frame, change: object): Frame {
  return { ...frame, data: { sealed: { ...sealedIn(frame), ...change } } };
}
