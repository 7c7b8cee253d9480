/** Four people, two of them in apps: each sees and hears each. */
import { test } from "vitest";
import { house } from "../browser/house.ts";
import { street } from "./street.ts";

const inn = house();
const lane = street();

// Twelve encoders and as many decoders on two cores.
test("a room of four: two apps and two guests, every pair both ways", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const cleo = await lane.join("Cleo", link);
  const dan = await inn.open(link, "Dan");
  await dan.join();
  // What a browser paints without a graphics processor is paid for by all; nobody looks at these two.
  for (const { page } of [ben, dan]) await page.setViewportSize({ width: 480, height: 360 });
  const people = [ann, ben, cleo, dan];
  await Promise.all(
    people.flatMap((one) =>
      people.filter((other) => other !== one).map((other) => one.hearsAndSees(other.name)),
    ),
  );
  await cleo.screenshot("call-four");
});
