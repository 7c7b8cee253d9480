/** Calls of the real app: with guests, with itself, and what one does in them, seen from the other side. */
import { expect, test } from "vitest";
import type { PeerInsight } from "../../ui/src/inspect.ts";
import { house } from "../browser/house.ts";
import { press, street } from "./street.ts";

const inn = house();
const lane = street();

test("an app and a guest see and hear each other", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
  await ann.screenshot("call-two");
  expect((await ann.stats()).peerConnectionsMade).toBe(1);
});

test("a guest who was there first is called by the app", async () => {
  const link = inn.room();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const ann = await lane.join("Ann", link);
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
});

test("two apps see and hear each other", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const cleo = await lane.join("Cleo", link);
  await Promise.all([ann.hearsAndSees("Cleo"), cleo.hearsAndSees("Ann")]);
});

test("what the app does is seen by the guest", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await Promise.all([ann.hearsAndSees("Ben", 10), ben.hearsAndSees("Ann", 10)]);
  const [muted, picture] = [ben.tile("Ann").getByLabel("Microphone off"), ben.tile("Ann").locator("video")];

  await ann.press("microphone");
  await muted.waitFor();
  await ben.until("Ann is silent", silence("Ann"));
  await ann.press("microphone");
  await muted.waitFor({ state: "detached" });
  await ben.hearsAndSees("Ann", 10);

  await ann.press("camera");
  await picture.waitFor({ state: "detached" });
  await ann.screenshot("call-camera-off");
  await ann.press("camera");
  await picture.waitFor();
  await ben.sees("Ann", 30);

  await ann.press("leave");
  await ben.tile("Ann").waitFor({ state: "detached" });
  await ann.reads("See you soon");
  await ann.press("rejoin");
  await ann.inCall();
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
});

test("what a guest does is seen in the app", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await ann.hearsAndSees("Ben", 10);

  await press(ben, "Turn microphone off");
  await ann.has(ann.tile("Ben", '[aria-label="Microphone off"]'));
  await ann.until("Ben is silent", silence("Ben"));
  await press(ben, "Turn microphone on");
  await ann.has(ann.tile("Ben", '[aria-label="Microphone off"]'), 0);

  await press(ben, "Turn camera off");
  await ann.has(ann.tile("Ben", "video"), 0);
  await press(ben, "Turn camera on");
  await ann.has(ann.tile("Ben", "video"));
  await ann.hearsAndSees("Ben", 30);

  await press(ben, "Leave");
  await ann.has(ann.tile("Ben"), 0);
});

test("closing the window is leaving, and the program ends", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await ben.hearsAndSees("Ann", 10);
  const closed = ann.closeWindow();
  await ben.tile("Ann").waitFor({ state: "detached" });
  await closed;
});

test("the link that the app copies is the one of its room", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  await ann.press("copy-link");
  await ann.reads("Link copied");
});

/** True once the sound of `name` did not grow while a hundred packets came. */
function silence(name: string) {
  let last: PeerInsight | null = null;
  return (peers: ReadonlyMap<string, PeerInsight>) => {
    const now = peers.get(name);
    if (now === undefined) return false;
    if (last !== null && now.packetsReceived - last.packetsReceived < 100) return false;
    const quiet = last !== null && now.audioEnergy - last.audioEnergy < 1e-6;
    last = now;
    return quiet;
  };
}
