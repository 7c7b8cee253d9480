/** `./dev run` without a display: the app and a browser guest in one call, and a picture of it. */

import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { Display } from "../support/display.ts";
import type { Peers } from "../support/person.ts";
import { Server } from "../support/server.ts";
import { App } from "./app.ts";

const say = (text: string) => console.error(`==> ${text}`);

const display = await Display.open();
const server = await Server.start();
const browser = await openBrowser();
const link = newRoom(server.url);
say(`a server is at ${server.url}, the room is ${link}`);
const app = await App.start(display, "Snug", { server: server.url, args: ["--join", link] });
try {
  say("the app is open; a guest comes in by a browser");
  const guest = await Guest.open(browser, link, "Guest");
  await guest.join();
  const received = (peers: Peers) =>
    [...peers.values()].some((peer) => peer.framesDecoded >= 60 && peer.audioEnergy > 1e-4);
  const byGuest = await guest.until("the app is seen and heard", received);
  const byApp = await app.until("the guest is seen and heard", received);
  for (const peer of byApp.values()) say(`the app decoded ${peer.framesDecoded} frames of ${peer.name}`);
  for (const peer of byGuest.values()) say(`the guest decoded ${peer.framesDecoded} frames of the app`);
  await app.screenshot("demo");
  await guest.screenshot("guest-demo");
  say(
    `pictures of both sides: ${process.env.SNUG_SCREENS ?? "target/screens"}/app-demo.png and guest-demo.png`,
  );
} finally {
  await app.close();
  await browser.close();
  await server.stop();
  await display.close();
}
