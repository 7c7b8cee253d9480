/** The signaling breaks while the app is in a call, and rooms and servers that do not let it in. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { house } from "../browser/house.ts";
import { Cable } from "../support/cable.ts";
import { Server } from "../support/server.ts";
import { press, street } from "./street.ts";

const inn = house();
const lane = street();

test("the server is killed and started again: media never stops and nothing is rebuilt", async () => {
  const link = inn.room();
  const ann = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await Promise.all([ann.hearsAndSees("Ben", 10), ben.hearsAndSees("Ann", 10)]);
  const before = identities(await ann.stats());

  await inn.server.kill();
  await ann.reads("Can't reach the server. Retrying.");
  await ann.screenshot("call-server-gone");
  await Promise.all([ann.hearsAndSees("Ben", 30), ben.hearsAndSees("Ann", 30)]);
  await inn.server.restart();
  await ann.has('[data-connection="live"]');
  await Promise.all([ann.untilSeated(1), ben.untilSeated(1)]);
  await Promise.all([ann.hearsAndSees("Ben", 30), ben.hearsAndSees("Ann", 30)]);
  expect(identities(await ann.stats())).toEqual(before);

  await ann.press("microphone");
  await ben.tile("Ann").getByLabel("Microphone off").waitFor();
});

test("the app's socket drops: away, back, and no connection is rebuilt", async () => {
  const cable = await Cable.to(inn.server.port);
  try {
    const link = inn.room();
    const ben = await inn.open(link, "Ben");
    await ben.join();
    const ann = await lane.join("Ann", link.replace(inn.server.url, cable.url));
    await Promise.all([ann.hearsAndSees("Ben", 10), ben.hearsAndSees("Ann", 10)]);
    const before = identities(await ann.stats());

    cable.pull();
    await ben.tile("Ann").getByLabel("Away from the server").waitFor();
    await Promise.all([ann.hearsAndSees("Ben", 30), ben.hearsAndSees("Ann", 30)]);
    await press(ben, "Turn camera off");
    cable.plug();
    await ben.tile("Ann").getByLabel("Away from the server").waitFor({ state: "detached" });
    // What happened meanwhile is replayed.
    await ann.has(ann.tile("Ben", "video"), 0);
    expect(identities(await ann.stats())).toEqual(before);
  } finally {
    cable.close();
  }
});

test("a guest's socket drops, and the app says so without tearing anything down", async () => {
  const cable = await Cable.to(inn.server.port);
  try {
    const link = inn.room();
    const ann = await lane.join("Ann", link);
    const ben = await inn.open(link.replace(inn.server.url, cable.url), "Ben");
    await ben.join();
    await ann.hearsAndSees("Ben", 10);
    const before = identities(await ann.stats());
    cable.pull();
    await ann.has(ann.tile("Ben", '[aria-label="Away from the server"]'));
    await ann.hearsAndSees("Ben", 30);
    cable.plug();
    await ann.has(ann.tile("Ben", '[aria-label="Away from the server"]'), 0);
    expect(identities(await ann.stats())).toEqual(before);
  } finally {
    cable.close();
  }
});

test("a full room says so, and lets one in when there is a place", async () => {
  const link = inn.room();
  const [first, second] = [await sit(link), await sit(link)];
  const ann = await lane.start("Ann", { args: [link] });
  await ann.fill("name", "Ann");
  await ann.press("join");
  await ann.reads("The room is full");
  await ann.screenshot("trouble-full-en");
  first.send(JSON.stringify({ type: "leave" }));
  await once(first, "close");
  await ann.press("rejoin");
  await ann.inCall();
  second.close();

  /** A plain client on a chair; the first one decides that there are two. */
  async function sit(address: string): Promise<WebSocket> {
    const socket = new WebSocket(`${inn.server.url.replace("http", "ws")}/ws`);
    await once(socket, "open");
    const roomId = new URL(address).pathname.slice("/r/".length);
    socket.send(JSON.stringify({ type: "join", roomId, capacity: 2 }));
    const [message] = await once(socket, "message");
    expect(JSON.parse(String(message)).type).toBe("joined");
    return socket;
  }
});

test("a server that is gone: the lobby says so, keeps trying, and joins by itself", async () => {
  const server = await Server.start();
  const link = inn.room().replace(inn.server.url, server.url);
  try {
    await server.kill();
    const ann = await lane.start("Ann", { args: [link] });
    await ann.fill("name", "Ann");
    await ann.press("join");
    await ann.reads("Can't reach the server. Retrying.");
    await ann.screenshot("lobby-server-gone-en");
    await ann.has('[data-command="home"]');
    await server.restart();
    await ann.inCall();
  } finally {
    await server.stop();
  }
});

/** What a rebuilt link would change. */
function identities({
  peers,
  peerConnectionsMade,
}: {
  peers: { pcId: string }[];
  peerConnectionsMade: number;
}) {
  return { peerConnectionsMade, connections: peers.map(({ pcId }) => pcId) };
}
