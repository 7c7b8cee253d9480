/** What can go wrong before a call: each thing is a plain sentence, and has a way on. */
import { once } from "node:events";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../support/server.ts";
import { newRoom } from "./guest.ts";
import { house } from "./house.ts";

const inn = house();

test.each([
  ["denied", "Snug may not use the camera.", { permission: "denied" }],
  ["missing", "No camera found.", { camera: "none" }],
  ["busy", "Another app is using the camera.", { camera: "broken" }],
] as const)("a camera that is %s: told, and one joins without it", async (problem, sentence, wish) => {
  const link = inn.room();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const ann = await inn.open(link, "Ann", wish);
  await ann.page.getByText(sentence).waitFor();
  await ann.button("Try the camera again").waitFor();
  await ann.screenshot(`guest-lobby-camera-${problem}`);
  await ann.join();
  await ben.tile("Ann").waitFor();
  await ann.hearsAndSees("Ben");
});

test("a camera that was denied and is then allowed", async () => {
  const ann = await inn.open(inn.room(), "Ann", { permission: "denied" });
  await ann.page.getByText("Snug may not use the camera.").waitFor();
  await ann.page.context().grantPermissions(["camera", "microphone"]);
  await ann.press("Try the camera again");
  await ann.page.getByLabel("Your camera preview").locator("visible=true").first().waitFor();
});

test("a wrong link leads home, with a sentence", async () => {
  const ann = await inn.open(`${inn.server.url}/r/not%20a%20room`, "Ann");
  await ann.page.getByText("That doesn't look like a room link or a code.").waitFor();
  await ann.screenshot("guest-home-bad-link");
  await ann.page.getByLabel("Link or code").fill("javascript:alert(1)");
  await ann.press("Go");
  await ann.page.getByText("That doesn't look like a room link or a code.").waitFor();
  await ann.page.getByLabel("Link or code").fill(inn.room());
  await ann.press("Go");
  await ann.join();
});

test("a full room says so, and lets one in when there is a place", async () => {
  const link = inn.room();
  const [first, second] = [await sit(link), await sit(link)];
  const ann = await inn.open(link, "Ann");
  await ann.page.getByLabel("Your name").fill("Ann");
  await ann.press("Join");
  await ann.heading("The room is full").waitFor();
  await ann.screenshot("guest-trouble-full");
  const left = heard(first, "left");
  first.send(JSON.stringify({ type: "leave" }));
  await left;
  first.close();
  await ann.press("Try again");
  await ann.button("Leave").waitFor();
  second.close();

  /** A plain client on a chair; the first one decides that there are two. */
  async function sit(address: string): Promise<WebSocket> {
    const socket = new WebSocket(`${inn.server.url.replace("http", "ws")}/ws`);
    await once(socket, "open");
    const roomId = new URL(address).pathname.slice("/r/".length);
    socket.send(JSON.stringify({ type: "join", roomId, capacity: 2 }));
    await heard(socket, "joined");
    return socket;
  }

  function heard(socket: WebSocket, type: string): Promise<void> {
    return new Promise((done) => {
      socket.on("message", (text) => {
        if (JSON.parse(String(text)).type === type) done();
      });
    });
  }
});

test("a server that is gone: the lobby says so, keeps trying, and joins by itself", async () => {
  const server = await Server.start();
  try {
    const ann = await inn.open(newRoom(server.url), "Ann");
    await ann.page.getByLabel("Your name").fill("Ann");
    await server.kill();
    await ann.press("Join");
    await ann.page.getByText("Can't reach the server. Retrying.").waitFor();
    await ann.screenshot("guest-lobby-server-gone");
    expect(await ann.button("Home").isEnabled()).toBe(true);
    await server.restart();
    await ann.button("Leave").waitFor();
  } finally {
    await server.stop();
  }
});
