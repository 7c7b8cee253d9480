/**
 * The doctor hears echo in a call. What no machine for tests has is a person who talks and a room in which a speaker is heard:
 * those are made of sounds. All that measures, compares and tells is the real page.
 */
import { expect, test } from "vitest";
import { sitInARoom, studio, talk, turnUp } from "../support/studio.ts";
import type { Guest } from "./guest.ts";
import { house } from "./house.ts";

const inn = house();

test("whoever has the echo is told, and so is the one who hears it; and nobody while there is none", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann", { scripts: [studio, talk] });
  await ann.join();
  await ann.press("Turn camera off");
  const ben = await inn.open(link, "Ben", { scripts: [studio, sitInARoom] });
  await ben.join();
  await ben.press("Turn camera off");
  await Promise.all([ann.tile("Ben").waitFor(), ben.tile("Ann").waitFor()]);

  // Unasked, too.
  await Promise.all([open(ann), open(ben)]);
  await finding(ben, "no-echo").waitFor({ state: "attached" });
  expect(await finding(ben, "echo").count()).toBe(0);
  expect(await finding(ann, "echo-returned").count()).toBe(0);

  await ben.page.evaluate(turnUp, 0.3);
  await finding(ben, "echo").waitFor();
  await ben.page.getByText("Your microphone hears your speaker").waitFor();
  await finding(ann, "echo-returned").waitFor();
  await ann.page.getByText("Ben's microphone picks up your voice").waitFor();
  // Ann's own microphone hears nobody, and Ben hears himself nowhere.
  expect(await finding(ann, "echo").count()).toBe(0);
  expect(await finding(ben, "echo-returned").count()).toBe(0);
  await ann.screenshot("guest-call-doctor-echo-returned");
  await ben.screenshot("guest-call-doctor-echo");

  await ben.page.evaluate(turnUp, 0);
  await Promise.all([
    finding(ben, "echo").waitFor({ state: "detached" }),
    finding(ann, "echo-returned").waitFor({ state: "detached" }),
  ]);
});

test("nothing is said of echo before anybody has talked", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann", { scripts: [studio, sitInARoom] });
  await ann.join();
  const ben = await inn.open(link, "Ben", { scripts: [studio, sitInARoom] });
  await ben.join();
  await ann.tile("Ben").waitFor();
  await open(ann);
  await ann.button("Check now").click();
  await ann.page.locator("[data-exam=done]").waitFor();
  await finding(ann, "echo-unknown").waitFor();
  // Nor where it cannot be known.
  await ann.press("Turn microphone off");
  await finding(ann, "echo-unknown").waitFor();
  expect(await finding(ann, "echo").count()).toBe(0);
  expect(await finding(ann, "no-echo").count()).toBe(0);
});

async function open(guest: Guest): Promise<void> {
  await guest.press("Connection check");
  await guest.page.locator("[data-doctor]").waitFor();
}

function finding(guest: Guest, code: string) {
  return guest.page.locator(`[data-finding=${code}]`);
}
