import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Server } from "../support/server.ts";
import { Guest, newRoom, openBrowser } from "./guest.ts";

let browser: Browser;
let server: Server;
const guests: Guest[] = [];

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), Server.start()]);
});

afterEach(async () => {
  const open = guests.splice(0);
  await Promise.all(open.map((guest) => guest.close()));
  expect(open.flatMap((guest) => guest.errors)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function together(...names: string[]): Promise<Guest[]> {
  const link = newRoom(server.url);
  const joined: Guest[] = [];
  for (const name of names) {
    const guest = await Guest.open(browser, link, name);
    guests.push(guest);
    joined.push(guest);
    await guest.join();
  }
  return joined;
}

test("two guests see and hear each other", async () => {
  const [ann, ben] = await together("Ann", "Ben");
  await Promise.all([ann?.hearsAndSees("Ben"), ben?.hearsAndSees("Ann")]);
});
