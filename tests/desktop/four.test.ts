/** Four people, two of them in apps: each sees and hears each. */
import { test } from "vitest";
import { house } from "../browser/house.ts";
import { allHearAndSee } from "../support/person.ts";
import { street } from "./street.ts";

const inn = house();
const lane = street();

// Twelve encoders and as many decoders on two cores, painted without a graphics processor: nobody looks at most of it.
test("a room of four: two apps and two guests, every pair both ways", {
  retry: 2,
  timeout: 700_000,
}, async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  await ann.driver.resize(640, 480);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const cleo = await lane.join("Cleo", link);
  await cleo.driver.resize(640, 480);
  const dan = await inn.open(link, "Dan");
  await dan.join();
  for (const { page } of [ben, dan]) await page.setViewportSize({ width: 480, height: 360 });
  const people = [ann, ben, cleo, dan];
  await allHearAndSee(people);
  await cleo.driver.resize(1120, 720);
  await cleo.screenshot("call-four");
});
