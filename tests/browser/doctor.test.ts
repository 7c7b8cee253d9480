/** The connection doctor in real pages: each trouble is caused, and has to be called by its name. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Cable } from "../support/cable.ts";
import { type Frame, Mallory } from "../support/mallory.ts";
import { studio } from "../support/studio.ts";
import { FakeStun } from "../support/stun.ts";
import type { Guest } from "./guest.ts";
import { house } from "./house.ts";

// Else a relay on this machine passes nothing on to this machine.
const inn = house("--turn-allow-private");
let mallory: Mallory;

beforeAll(async () => {
  mallory = await Mallory.before(inn.server.port);
});
afterEach(() => mallory.behave());
afterAll(() => mallory.close());

describe("before a call", () => {
  test("where all is well, nothing is wrong; it can be stopped, and all of it by key", async () => {
    const ann = await inn.open(inn.room(), "Ann");
    await ann.button("Join").waitFor();
    await ann.page.keyboard.press("Control+Shift+E");
    await ann.page.locator("[data-doctor]").waitFor();
    await ann.button("Check now").focus();
    await ann.page.keyboard.press("Enter");
    await ann.button("Stop").focus();
    await ann.page.keyboard.press("Enter");
    await ann.page.locator("[data-exam=cancelled]").waitFor();
    const found = await examine(ann, "Check again");
    const fine = [
      "camera-works",
      "microphone-works",
      "server-reached",
      "clock-right",
      "udp-works",
      "relay-works",
    ];
    for (const code of fine) has(found, code, "fine");
    expect([...found].filter(([, severity]) => severity === "broken")).toEqual([]);
    expect(found.has("path-good") || found.has("path-jittery"), JSON.stringify([...found])).toBe(true);
    await ann.screenshot("guest-lobby-doctor");
    await ann.page.keyboard.press("Escape");
    await ann.page.locator("[data-doctor]").waitFor({ state: "detached" });
    await ann.button("Join").waitFor();
  });

  test("a camera that may not be used", async () => {
    const ann = await inn.open(inn.room(), "Ann", { permission: "denied" });
    const found = await examine(ann);
    has(found, "camera-denied", "broken");
    has(found, "microphone-denied", "broken");
    await ann.screenshot("guest-lobby-doctor-denied");
  });

  test("a microphone that hears the speaker", async () => {
    const ann = await inn.open(inn.room(), "Ann", { scripts: [studio, hearYourself] });
    has(await examine(ann), "echo", "warning");
  });

  test("a relay that refuses the credentials", async () => {
    mallory.toClient = withIce((servers) =>
      servers.map((server) =>
        server.credential === undefined ? server : { ...server, credential: "wrong" },
      ),
    );
    const found = await examine(await inn.open(mallory.lure(inn.room()), "Ann"));
    has(found, "relay-refused", "broken");
    // Who refuses has answered.
    has(found, "udp-works", "fine");
  });

  test("a firewall that drops UDP", async () => {
    const hole = createSocket("udp4").bind(0, "127.0.0.1");
    await once(hole, "listening");
    mallory.toClient = withIce((servers) =>
      servers.map((server) => ({
        ...server,
        urls: server.urls.map((url) =>
          url.includes("transport=tcp") ? url : url.replace(/:\d+/, `:${hole.address().port}`),
        ),
      })),
    );
    try {
      const found = await examine(await inn.open(mallory.lure(inn.room()), "Ann"));
      has(found, "udp-blocked", "warning");
      has(found, "relay-works", "fine");
    } finally {
      hole.close();
    }
  });

  test("a symmetric NAT, and no relay", async () => {
    const address = "203.0.113.7";
    const told = await Promise.all([
      FakeStun.telling({ address, port: 40_001 }),
      FakeStun.telling({ address, port: 40_002 }),
    ]);
    try {
      mallory.toClient = withIce(() => told.map(({ url }) => ({ urls: [url] })));
      const found = await examine(await inn.open(mallory.lure(inn.room()), "Ann"));
      has(found, "nat-symmetric-no-relay", "broken");
      has(found, "relay-absent", "warning");
    } finally {
      for (const stun of told) stun.close();
    }
  });

  test("a server that is gone", async () => {
    const cable = await Cable.to(inn.server.port);
    try {
      const ann = await inn.open(inn.room().replace(inn.server.url, cable.url), "Ann");
      await open(ann);
      // Its parts are there already when the line goes.
      await ann.page.waitForLoadState("networkidle");
      cable.pull();
      has(await examine(ann), "server-unreachable", "broken");
    } finally {
      cable.close();
    }
  });
});

describe("in a call", () => {
  test("an offer that nobody answers", async () => {
    mallory.toServer = (frame) => (frame.type === "answer" ? [] : [frame]);
    const [ann, ben] = await inClear("Ann", "Ben");
    // The later one offers, and again when nothing came of it.
    await untilTold(ann, "offer", 2);
    has(await examine(ben), "offer-unanswered", "broken");
    await ben.page.getByText("Ann doesn't answer").waitFor();
    await ben.screenshot("guest-call-doctor");
  });

  test("candidates that are not passed on", async () => {
    mallory.toServer = (frame) => (frame.type === "candidate" ? [] : [withoutCandidates(frame)]);
    const [ann] = await inClear("Ann", "Ben");
    // Twice: the first try was given its time.
    await untilTold(ann, "offer", 2);
    has(await examine(ann), "candidates-missing", "broken");
  });

  test("ICE that never gets beyond checking", async () => {
    mallory.toServer = (frame) => [misleading(withoutCandidates(frame))];
    const [ann] = await inClear("Ann", "Ben");
    await untilTold(ann, "offer", 2);
    has(await examine(ann), "ice-stuck", "broken");
  });

  test("a connection that carries nothing", async () => {
    const link = inn.room();
    const ann = await inn.open(link, "Ann");
    await ann.join();
    const ben = await inn.open(link, "Ben", { scripts: [sendNothing] });
    await ben.join();
    await ann.tile("Ben").waitFor();
    await ann.until("the link stands", (peers) => peers.get("Ben")?.connectionState === "connected");
    has(await examine(ann), "media-missing", "broken");
  });

  test("media that is gone while signaling is up", async () => {
    const link = mallory.lure(inn.room());
    const [ann, ben] = await joined(link, "Ann", "Ben");
    await ann.hearsAndSees("Ben", 5);
    has(await examine(ann), "link-good", "fine");
    mallory.toClient = (frame) => (frame.type === "peer-left" ? [] : [frame]);
    await ben.leave();
    await ann.page.locator("[data-link=reconnecting]").waitFor();
    has(await examine(ann, "Check again"), "media-lost", "broken");
  });
});

test("the timeline has all that happened, and a report of it nothing that is secret", async () => {
  const link = inn.room();
  const [ann, ben] = await joined(link, "Annabella", "Benedict");
  await ann.hearsAndSees("Benedict", 5);
  await ben.press("Turn microphone off");
  await ann.tile("Benedict").getByLabel("Microphone off").waitFor();
  await open(ann);
  await ann.page.getByText("Timeline", { exact: true }).click();
  for (const what of ["join", "joined", "peer-joined", "message", "link", "ice", "screen"]) {
    await ann.page.locator(`[data-entry=${what}]`).first().waitFor();
  }
  // It goes on while one looks.
  const before = await ann.page.locator("[data-entry=message]").count();
  await ben.press("Turn microphone on");
  await ann.page.waitForFunction(
    (count) => document.querySelectorAll("[data-entry=message]").length > count,
    before,
  );
  await ann.screenshot("guest-call-timeline");

  const [download] = await Promise.all([
    ann.page.waitForEvent("download"),
    ann.button("Save report").click(),
  ]);
  const text = await readFile(await download.path(), "utf8");
  const report = JSON.parse(text) as {
    format: string;
    timeline: { entries: { what: string; note?: string }[] };
  };
  expect(report.format).toBe("snug-report/1");
  const notes = report.timeline.entries.map(({ note }) => note ?? "");
  // Ann was there first, so Benedict's page is the one that offers.
  expect(notes.some((note) => note.startsWith("sealed: offer"))).toBe(true);
  expect(notes.some((note) => note.startsWith("sealed: answer"))).toBe(true);
  const { pathname, hash } = new URL(link);
  const secrets = [
    /Annabella/,
    /Benedict/,
    /127\.0\.0\.1/,
    /a=|v=0|typ host/,
    /fingerprint/,
    /credential|token/i,
  ];
  expect(secrets.filter((secret) => secret.test(text))).toEqual([]);
  expect([pathname.slice("/r/".length), hash.slice(1)].filter((secret) => text.includes(secret))).toEqual([]);
});

/** Opens the panel, if it is not. */
async function open(guest: Guest): Promise<void> {
  if ((await guest.page.locator("[data-doctor]").count()) === 0) await guest.press("Connection check");
  await guest.page.locator("[data-doctor]").waitFor();
}

/** Presses, waits for the end, and reads what was found: severity by code. */
async function examine(guest: Guest, button = "Check now"): Promise<Map<string, string>> {
  await open(guest);
  await guest.button(button).click();
  await guest.page.locator("[data-exam=done]").waitFor();
  const found = await guest.page
    .locator("[data-finding]")
    .evaluateAll((all) =>
      all.map((one) => [one.getAttribute("data-finding"), one.getAttribute("data-severity")] as const),
    );
  return new Map(found.map(([code, severity]) => [code ?? "", severity ?? ""]));
}

function has(found: Map<string, string>, code: string, severity: string): void {
  expect(Object.fromEntries(found)).toMatchObject({ [code]: severity });
}

interface Ice {
  urls: string[];
  username?: string;
  credential?: string;
}

function withIce(change: (servers: Ice[]) => Ice[]) {
  return (frame: Frame): Frame[] =>
    frame.type === "joined" ? [{ ...frame, iceServers: change(frame.iceServers as Ice[]) }] : [frame];
}

async function joined(link: string, one: string, other: string): Promise<[Guest, Guest]> {
  const first = await inn.open(link, one);
  await first.join();
  const second = await inn.open(link, other);
  await second.join();
  await Promise.all([first.tile(other).waitFor(), second.tile(one).waitFor()]);
  return [first, second];
}

/** In a room without a key, where whoever passes messages on can tell one kind from another. */
function inClear(one: string, other: string): Promise<[Guest, Guest]> {
  return joined(mallory.lure(inn.room()).replace(/#.*$/, ""), one, other);
}

/** Until a page was told so many messages of a type. */
async function untilTold(guest: Guest, type: string, count: number): Promise<void> {
  await open(guest);
  await guest.page.getByText("Timeline", { exact: true }).click();
  await guest.page.waitForFunction(
    ([what, least]) => document.querySelectorAll(`[data-entry=${what}].in`).length >= least,
    [type, count] as const,
  );
  await guest.page.getByText("Check", { exact: true }).click();
}

function withoutCandidates(frame: Frame): Frame {
  if (frame.type !== "offer" && frame.type !== "answer") return frame;
  const sdp = frame.sdp as { sdp: string };
  return { ...frame, sdp: { ...sdp, sdp: sdp.sdp.replace(/^a=candidate:.*\r\n/gm, "") } };
}

/** To an address for documentation (RFC 5737), where nobody is. */
function misleading(frame: Frame): Frame {
  if (frame.type !== "candidate") return frame;
  const candidate = frame.candidate as { candidate: string };
  const parts = candidate.candidate.split(" ");
  parts[4] = "192.0.2.1";
  return { ...frame, candidate: { ...candidate, candidate: parts.join(" ") } };
}

/** In the page: whatever an element plays is heard by the microphone, as in a room with a loud speaker. */
function hearYourself(): void {
  const { microphone, listen } = window.studio;
  listen(microphone);
}

/** In the page: tracks are never handed to the peer connection. */
function sendNothing(): void {
  RTCRtpSender.prototype.replaceTrack = async () => {};
}
