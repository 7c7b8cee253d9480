/** What the app weighs: on disk, in memory, and until its first paint. */
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { App, BINARY } from "../desktop/app.ts";
import type { Display } from "../support/display.ts";
import { Server } from "../support/server.ts";
import { below, memory, startedAt } from "./procs.ts";
import { mb, median, ms, table } from "./report.ts";

const STARTS = 5;

export async function size(display: Display): Promise<void> {
  const rows: [string, string][] = [...packageSize()];
  const server = await Server.start();
  const browser = await openBrowser();
  try {
    const paints: number[] = [];
    const idle: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const app = await App.start(display, "App", { server: server.url });
      const paint = await app.driver.until<number>(
        "the page is painted",
        `const [entry] = performance.getEntriesByName("first-contentful-paint");
         return entry && performance.timeOrigin + entry.startTime;`,
      );
      const process = below(BINARY);
      paints.push(paint - startedAt(process));
      idle.push(memory(process));
      await app.close();
    }
    rows.push(["from the start of the process to the first contentful paint", ms(median(paints))]);
    rows.push(["resident memory (PSS) of all its processes, idle", mb(median(idle))]);
    const link = newRoom(server.url);
    const guest = await Guest.open(browser, link, "Guest");
    await guest.join();
    const app = await App.start(display, "App", { server: server.url, args: ["--join", link] });
    await app.sees("Guest", 150);
    rows.push(["resident memory (PSS) in a call of two", mb(memory(below(BINARY)))]);
    await app.close();
  } finally {
    await browser.close();
    await server.stop();
  }
  table("size", ["what", "figure"], rows);
}

function packageSize(): [string, string][] {
  const dist = new URL("../../dist/", import.meta.url).pathname;
  let names: string[] = [];
  try {
    names = readdirSync(dist).filter((name) => name.endsWith(".deb"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const [deb] = names;
  if (deb === undefined) return [["the .deb", "not measured: run ./dev bundle first"]];
  const installed = execFileSync("dpkg-deb", ["--field", dist + deb, "Installed-Size"], { encoding: "utf8" });
  return [
    ["the .deb", mb(statSync(dist + deb).size)],
    ["installed", mb(1024 * Number(installed))],
  ];
}
