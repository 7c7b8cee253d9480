/** Guests who count aloud, and what must be so after whatever happened to them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Guest } from "./house.mjs";
import { PATIENCE } from "./lines.mjs";

/** How often each says a number, in milliseconds: with 45 s of it an outbox is not full yet. */
const CHATTER = 200;
/** Two looks at the guests are so far apart. */
const LOOK = 100;

let rooms = 0;

export class Room {
  /** `sites` by guest. `media`: with a link to each other; `jumps`: the first one's wall clock can be set. */
  constructor(lab, server, sites, { media = false, jumps = false, forgets = false } = {}) {
    rooms += 1;
    this.lab = lab;
    this.server = server;
    this.sites = Object.entries(sites);
    this.name = `room-${rooms}`;
    this.media = media;
    /** Seats may be lost with the server that gave them, and with them what was on its way. */
    this.forgets = forgets;
    this.clock = jumps ? new WallClock() : null;
    this.guests = [];
  }

  guest(identity) {
    return this.guests.find((guest) => guest.identity === identity);
  }

  /** One after the other, until all see all and have heard all. */
  async gathers() {
    for (const [identity, site] of this.sites) {
      const environment = this.guests.length === 0 ? (this.clock?.environment ?? {}) : {};
      const how = { media: this.media, chatter: CHATTER, environment };
      const guest = new Guest(site, this.server, this.name, identity, how);
      this.guests.push(guest);
      await guest.joined();
    }
    await Promise.all(this.guests.map((guest) => guest.sees(this.#others(guest))));
    await this.hearsNews(Date.now());
  }

  /** Until each has heard of each what was said later than now, sees all the others once, and misses nobody. */
  async hearsNews() {
    const said = new Map();
    for (const guest of this.guests) said.set(guest.identity, (await guest.report()).chatter.said);
    await this.#until("everybody hears everybody", async () => {
      const reports = await this.#reports();
      return reports.every(({ guest, chatter, links }) =>
        this.#others(guest).every((other) => {
          const last = chatter.heard[other]?.numbers.at(-1) ?? 0;
          const flows = !this.media || this.#flows(guest, other, links);
          return last > said.get(other) && flows;
        }),
      );
    });
    await Promise.all(this.guests.map((guest) => guest.seesNow(this.#others(guest))));
  }

  /** The same, and how long after `over` the last of it came to be, in milliseconds. */
  async recovers(over) {
    this.frames = this.media ? await this.#frames() : null;
    await this.hearsNews();
    const turns = ["joined", "resumed", "roster", "heard-again", "link", "seen-again"];
    const last = this.guests.flatMap(({ lines }) =>
      lines.all.filter(({ event, at }) => turns.includes(event) && at >= over).map(({ at }) => at),
    );
    return Math.max(0, ...last.map((at) => at - over));
  }

  /** Nobody says anything more, and what was promised has arrived: once, in order, and at everybody. */
  async lostNothing() {
    for (const guest of this.guests) guest.tell({ do: "chatter", on: false });
    await this.#until("every message has its answer", async () =>
      (await this.#reports()).every(({ chatter }) => chatter.open.length === 0),
    );
    const missing = async () => {
      const reports = await this.#reports();
      return reports.flatMap(({ guest, chatter }) =>
        Object.entries(chatter.promised).flatMap(([number, promised]) => {
          const hearers = reports.filter(
            (other) =>
              other.guest !== guest && other.chatter.heard[guest.identity]?.numbers.includes(Number(number)),
          );
          return hearers.length < promised ? [`${guest.identity} ${number}`] : [];
        }),
      );
    };
    if (!this.forgets)
      await this.#until("what was promised has arrived", async () => (await missing()).length === 0);
    for (const { guest, chatter } of await this.#reports()) {
      if (!this.forgets) assert.deepEqual(chatter.failed, [], `${guest.identity}: messages went nowhere`);
      for (const [who, { doubled, unordered }] of Object.entries(chatter.heard)) {
        assert.deepEqual({ doubled, unordered }, { doubled: 0, unordered: 0 }, `${guest.identity} of ${who}`);
      }
    }
  }

  async close() {
    await Promise.all(this.guests.map((guest) => guest.leave()));
  }

  #others(guest) {
    return this.sites.map(([identity]) => identity).filter((identity) => identity !== guest.identity);
  }

  async #reports() {
    return Promise.all(this.guests.map(async (guest) => ({ guest, ...(await guest.report()) })));
  }

  async #frames() {
    const frames = new Map();
    for (const { guest, links } of await this.#reports()) {
      for (const [who, link] of Object.entries(links))
        frames.set(`${guest.identity} ${who}`, link.frames ?? 0);
    }
    return frames;
  }

  #flows(guest, other, links) {
    const before = this.frames?.get(`${guest.identity} ${other}`) ?? 0;
    return (links[other]?.frames ?? 0) >= before + 5;
  }

  async #until(what, is) {
    const deadline = Date.now() + 2 * PATIENCE;
    while (!(await is())) {
      if (Date.now() > deadline) {
        const reports = (await this.#reports()).map(({ guest, chatter, links }) => {
          const heard = Object.entries(chatter.heard).map(([who, { numbers }]) => `${who} ${numbers.at(-1)}`);
          return `${guest.identity}: said ${chatter.said}, heard ${heard.join(", ")}, ${JSON.stringify(links)}`;
        });
        throw new Error(`in vain: ${what}\n${reports.join("\n")}`);
      }
      await wait(LOOK);
    }
  }
}

/** A wall clock of a program's own (libfaketime), set while the program runs. */
class WallClock {
  #file = join(mkdtempSync(join(tmpdir(), "snug-lab-")), "clock");

  constructor() {
    this.set("+0");
  }

  get environment() {
    const found = spawnSync("sh", ["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"]);
    if (found.status !== 0) throw new Error("faketime is not installed");
    return {
      LD_PRELOAD: found.stdout.toString().trim(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Seconds, with a sign. */
  set(seconds) {
    writeFileSync(this.#file, `${seconds}\n`);
  }
}

/** How long a fault lasts is part of it. */
export function wait(millis) {
  return new Promise((done) => setTimeout(done, millis));
}
