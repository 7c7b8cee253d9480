/** The signaling breaks in the middle of a call; the media does not. */
import { expect, test } from "vitest";
import { Cable } from "../support/cable.ts";
import { allHearAndSee } from "../support/person.ts";
import { house } from "./house.ts";

const inn = house();

test("the server is killed and started again: media never stops and the roster heals", async () => {
  const guests = await inn.together("Ann", "Ben", "Cleo");
  const [ann, ben, cleo] = guests;
  await allHearAndSee(guests, 10);
  const before = await Promise.all(guests.map((guest) => guest.stats()));

  await inn.server.kill();
  const line = ann.page.getByText("Can't reach the server. Retrying.");
  await line.waitFor();
  await ann.screenshot("guest-call-server-gone");
  await allHearAndSee(guests, 30);
  await inn.server.restart();
  await line.waitFor({ state: "hidden" });
  await Promise.all(guests.map((guest) => guest.untilSeated(2)));
  await allHearAndSee(guests, 30);

  // The same connections as before, under new seats, and no tile too many.
  for (const [i, guest] of guests.entries()) {
    const after = await guest.stats();
    expect(after.peerConnectionsMade).toBe(before[i]?.peerConnectionsMade);
    expect(after.peers.map(({ name, pcId }) => [name, pcId]).sort()).toEqual(
      before[i]?.peers.map(({ name, pcId }) => [name, pcId]).sort(),
    );
    expect(after.peers.map(({ peerId }) => peerId)).not.toEqual(before[i]?.peers.map(({ peerId }) => peerId));
  }
  // The healed room works: signaling reaches the new seats.
  await cleo.press("Turn microphone off");
  await Promise.all([ann, ben].map((guest) => guest.tile("Cleo").getByLabel("Microphone off").waitFor()));
  await ben.leave();
  await Promise.all([ann, cleo].map((guest) => guest.tile("Ben").waitFor({ state: "detached" })));
});

test("one who joins after the restart meets all", async () => {
  const link = inn.room();
  const ann = await inn.open(link, "Ann");
  await ann.join();
  await inn.server.kill();
  await ann.page.getByText("Can't reach the server. Retrying.").waitFor();
  await inn.server.restart();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
});

test("one socket drops: away, back, and no connection is rebuilt", async () => {
  const cable = await Cable.to(inn.server.port);
  try {
    const link = inn.room();
    const ann = await inn.open(link, "Ann");
    await ann.join();
    const ben = await inn.open(link.replace(inn.server.url, cable.url), "Ben");
    await ben.join();
    await Promise.all([ann.hearsAndSees("Ben", 10), ben.hearsAndSees("Ann", 10)]);
    const before = (await Promise.all([ann.stats(), ben.stats()])).map(identities);

    cable.pull();
    await ann.tile("Ben").getByLabel("Away from the server").waitFor();
    await Promise.all([ann.hearsAndSees("Ben", 30), ben.hearsAndSees("Ann", 30)]);
    await ann.press("Turn camera off");
    cable.plug();
    await ann.tile("Ben").getByLabel("Away from the server").waitFor({ state: "detached" });
    await ben.untilSeated(1);
    // What happened meanwhile is replayed.
    await ben.tile("Ann").locator("video").waitFor({ state: "detached" });
    await ann.press("Turn camera on");
    await Promise.all([ann.hearsAndSees("Ben", 30), ben.hearsAndSees("Ann", 30)]);
    expect((await Promise.all([ann.stats(), ben.stats()])).map(identities)).toEqual(before);
  } finally {
    cable.close();
  }
});

/** What a rebuilt link would change. */
function identities({
  peers,
  peerConnectionsMade,
}: {
  peers: { pcId: string; peerId: string }[];
  peerConnectionsMade: number;
}) {
  return { peerConnectionsMade, peers: peers.map(({ pcId, peerId }) => ({ pcId, peerId })) };
}
