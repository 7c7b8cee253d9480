/** Guests among themselves: what one does, seen by the others. */
import { expect, test } from "vitest";
import { allHearAndSee } from "../support/person.ts";
import { house } from "./house.ts";

const inn = house();

test("two guests see and hear each other", async () => {
  const [ann, ben] = await inn.together("Ann", "Ben");
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
  await ann.screenshot("guest-call-two");
  expect((await ann.stats()).peerConnectionsMade).toBe(1);
});

test("four guests see and hear each other, every pair both ways", async () => {
  const guests = await inn.together("Ann", "Ben", "Cleo", "Dan");
  await allHearAndSee(guests);
  await guests[0].screenshot("guest-call-four");
});

test("muting and unmuting is seen, and nothing is negotiated for it", async () => {
  const [ann, ben] = await inn.together("Ann", "Ben");
  await ben.hearsAndSees("Ann", 10);
  const muted = ben.tile("Ann").getByLabel("Microphone off");
  await ann.press("Turn microphone off");
  await muted.waitFor();
  const silent = await ben.until("Ann was silent for a second", silence("Ann"));
  expect(silent.get("Ann")?.connectionState).toBe("connected");
  await ann.press("Turn microphone on");
  await muted.waitFor({ state: "detached" });
  await ben.hearsAndSees("Ann", 10);
  expect((await ben.stats()).peerConnectionsMade).toBe(1);
});

test("a camera that goes off and on", async () => {
  const [ann, ben] = await inn.together("Ann", "Ben");
  await ben.hearsAndSees("Ann", 10);
  const picture = ben.tile("Ann").locator("video");
  await picture.waitFor();
  await ann.press("Turn camera off");
  await picture.waitFor({ state: "detached" });
  await ann.press("Turn camera on");
  await picture.waitFor();
  await ben.hearsAndSees("Ann", 30);
  expect((await ben.stats()).peerConnectionsMade).toBe(1);
});

test("quick toggles end in the last wish", async () => {
  const [ann, ben] = await inn.together("Ann", "Ben");
  await ben.hearsAndSees("Ann", 10);
  const toggle = /Turn camera (on|off)/;
  for (let i = 0; i < 6; i++) await ann.press(toggle);
  await ann.button("Turn camera off").waitFor();
  await ben.tile("Ann").locator("video").waitFor();
  await ben.hearsAndSees("Ann", 30);
  for (let i = 0; i < 5; i++) await ann.press(toggle);
  await ann.button("Turn camera on").waitFor();
  await ben.tile("Ann").locator("video").waitFor({ state: "detached" });
});

test("who joins muted is muted to those who are there and to those who come later", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann");
  await ann.join();
  const ben = await inn.open(link, "Ben");
  await ben.press("Turn camera off");
  await ben.press("Turn microphone off");
  await ben.join();
  await ann.tile("Ben").getByLabel("Microphone off").waitFor();
  const cleo = await inn.open(link, "Cleo");
  await cleo.join();
  await cleo.tile("Ben").getByLabel("Microphone off").waitFor();
  await cleo.hearsAndSees("Ann", 10);
  await ben.press("Turn camera on");
  await cleo.sees("Ben", 30);
});

test("leaving is seen at once, and one may come back", async () => {
  const [ann, ben] = await inn.together("Ann", "Ben");
  await ann.hearsAndSees("Ben", 10);
  await ben.leave();
  await ann.tile("Ben").waitFor({ state: "detached" });
  await ben.heading("See you soon").waitFor();
  await ben.screenshot("guest-after");
  await ben.press("Rejoin");
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
});

test("closing the window is leaving, and so is loading it again", async () => {
  const [ann, ben, cleo] = await inn.together("Ann", "Ben", "Cleo");
  await ann.hearsAndSees("Ben", 10);
  await ben.page.close();
  await ann.tile("Ben").waitFor({ state: "detached" });
  await cleo.page.reload();
  await ann.tile("Cleo").waitFor({ state: "detached" });
  await cleo.join();
  await Promise.all([ann.hearsAndSees("Cleo"), cleo.hearsAndSees("Ann")]);
});

/** True once the sound of `name` did not grow between two looks a second of samples apart. */
function silence(name: string) {
  let last: { energy: number; packets: number } | null = null;
  return (peers: ReadonlyMap<string, { audioEnergy: number; packetsReceived: number }>) => {
    const peer = peers.get(name);
    if (peer === undefined) return false;
    const now = { energy: peer.audioEnergy, packets: peer.packetsReceived };
    if (last === null || now.packets - last.packets > 200) {
      const quiet = last !== null && now.energy - last.energy < 1e-6;
      last = now;
      return quiet;
    }
    return false;
  };
}
