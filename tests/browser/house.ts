/** One server and one browser for a file of tests, and guests that are gone after each of them. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { Server } from "../support/server.ts";
import { type BrowserWish, Guest, newRoom, openBrowser } from "./guest.ts";

export interface House {
  readonly server: Server;
  readonly browser: Browser;
  room(): string;
  /** A page on `link` that has not joined yet; in a browser of its own where `wish` asks for other devices. */
  open(link: string, name: string, wish?: BrowserWish): Promise<Guest>;
  /** One after the other into a new room. */
  together<Names extends readonly string[]>(...names: Names): Promise<{ [Key in keyof Names]: Guest }>;
}

/** Call it once, outside of all tests. */
export function house(...options: string[]): House {
  let server: Server | undefined;
  let browser: Browser | undefined;
  const guests: Guest[] = [];
  const browsers: Browser[] = [];
  const here = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error("the house opens with the first test");
    return thing;
  };

  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser(), Server.start(...options)]);
  });
  afterEach(async () => {
    const open = guests.splice(0);
    await Promise.all(open.map((guest) => guest.close()));
    await Promise.all(browsers.splice(0).map((own) => own.close()));
    expect(open.flatMap((guest) => guest.errors)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const self: House = {
    get server() {
      return here(server);
    },
    get browser() {
      return here(browser);
    },
    room: () => newRoom(here(server).url),
    async open(link, name, wish) {
      const own = wish === undefined ? here(browser) : await openBrowser(wish);
      if (wish !== undefined) browsers.push(own);
      const guest = await Guest.open(own, link, name, undefined, wish?.scripts);
      guests.push(guest);
      return guest;
    },
    async together(...names) {
      const link = self.room();
      const joined: Guest[] = [];
      for (const name of names) {
        const guest = await self.open(link, name);
        await guest.join();
        joined.push(guest);
      }
      return joined as never;
    },
  };
  return self;
}
