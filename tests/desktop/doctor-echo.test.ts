/**
 * The doctor hears in the app that another's microphone sends our voice back. The app's webview tells of energies only, and
 * takes its own echo out of what it sends; the voice and the room are made of sounds, all that measures them is the app.
 */
import { test } from "vitest";
import { house } from "../browser/house.ts";
import { sitInARoom, studio, talk, turnUp } from "../support/studio.ts";
import { street } from "./street.ts";

const inn = house();
const lane = street();

test("in a call: whoever hears themselves come back is told of it, and no more once it is over", async () => {
  const link = inn.room();
  const ann = await lane.start("Ann");
  await ann.has("#link");
  await ann.driver.run(`(${studio})(); (${talk})();`);
  await ann.openLink(link);
  await ann.join();
  await ann.press("camera");
  const ben = await inn.open(link, "Ben", { scripts: [studio, sitInARoom] });
  await ben.join();
  await ben.press("Turn camera off");
  await ann.has(ann.tile("Ben"));
  await ann.press("doctor");
  await ben.page.evaluate(turnUp, 0.3);
  await ann.has("[data-finding=echo-returned]");
  await ann.screenshot("call-doctor-echo-returned");
  await ben.page.evaluate(turnUp, 0);
  await ann.has("[data-finding=echo-returned]", 0);
});
