/** Every screen of the app in both languages, left in `target/screens` to be looked at. */
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { house } from "../browser/house.ts";
import type { App } from "./app.ts";
import { press, street } from "./street.ts";

const inn = house();
const lane = street();
const chairs: WebSocket[] = [];

afterEach(() => {
  for (const chair of chairs.splice(0)) chair.close();
});

test.each(["en", "zh-CN"] as const)("every screen, %s", async (lang) => {
  const app = await lane.start(lang === "en" ? "Ann" : "安", { server: inn.server.url });
  const shot = (screen: string) => app.screenshot(`${screen}-${lang}`);
  await app.press("settings");
  await app.driver.press(
    "the language",
    `return document.querySelector('[name="lang"][value="' + args[0] + '"]')?.closest("label");`,
    lang,
  );
  await app.driver.until(
    "the language is spoken",
    "return document.documentElement.lang.startsWith(args[0]);",
    lang,
  );
  await shot("settings");
  await app.driver.send("POST", "actions", pressEscape());
  await app.driver.until("the panel is closed", `return document.getElementById("settings-name") === null;`);
  await shot("home");
  await app.openLink("no room!");
  await app.has("#home-problem:not(:empty)");
  await shot("home-bad-link");

  const link = inn.room();
  await app.openLink(link);
  await app.has(".lobby video, form video, video");
  await app.fill("name", app.name);
  await shot("lobby");
  await app.join();
  await shot("call-alone");
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await app.hearsAndSees("Ben", 10);
  await shot("call-two");
  await press(ben, "Turn camera off");
  await app.has(app.tile("Ben", "video"), 0);
  await shot("call-camera-off");
  await app.press("leave");
  await app.has('[data-command="rejoin"]');
  await shot("after");

  await app.press("home");
  const full = inn.room();
  await sit(full);
  await app.openLink(full);
  await app.press("join");
  await app.has('[data-trouble="full"]');
  await shot("trouble-full");
  await resized(app, 420, 640);
  await shot("trouble-full-narrow");
});

/** A plain client on the only chair of a room. */
async function sit(link: string): Promise<void> {
  const socket = new WebSocket(`${inn.server.url.replace("http", "ws")}/ws`);
  chairs.push(socket);
  await once(socket, "open");
  socket.send(
    JSON.stringify({ type: "join", roomId: new URL(link).pathname.slice("/r/".length), capacity: 1 }),
  );
  const [message] = await once(socket, "message");
  expect(JSON.parse(String(message)).type).toBe("joined");
}

async function resized(app: App, width: number, height: number): Promise<void> {
  await app.driver.resize(width, height);
  await app.driver.until("the window is narrow", "return innerWidth <= args[0];", width);
}

function pressEscape(): object {
  const actions = ["keyDown", "keyUp"].map((type) => ({ type, value: "\uE00C" }));
  return { actions: [{ type: "key", id: "keyboard", actions }] };
}
