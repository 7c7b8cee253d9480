/** From the click on Join to the first remote frame, split by the points of the walk. */

import type { Trace } from "../../ui/src/inspect.ts";
import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { App } from "../desktop/app.ts";
import type { Display } from "../support/display.ts";
import { Server } from "../support/server.ts";
import { median, ms, table } from "./report.ts";

const RUNS = 7;

export async function join(display: Display): Promise<void> {
  const server = await Server.start("--log", "json");
  const browser = await openBrowser();
  const guests: Trace[][] = [];
  const apps: Trace[][] = [];
  try {
    for (let run = 0; run < RUNS; run++) {
      const link = newRoom(server.url);
      const host = await Guest.open(browser, link, "Host");
      await host.join();
      const guest = await Guest.open(browser, link, "Guest");
      await guest.join();
      await guest.sees("Host", 5);
      guests.push(await traces(() => guest.page.evaluate(() => window.__snug?.traces() ?? []), server));
      await guest.close();
      const app = await App.start(display, "App", { server: server.url, args: [link] });
      await app.join();
      await app.sees("Host", 5);
      apps.push(
        await traces(() => app.driver.run("return window.__snug.traces();"), server, app.driver.output),
      );
      await app.close();
      await host.close();
    }
  } finally {
    await browser.close();
    await server.stop();
  }
  print("guest (Chromium) joins a guest", guests);
  print("app (Linux plugin) joins a guest", apps);
}

/** The page's own points, and those that the shell and the server logged under the same join. */
async function traces(page: () => Promise<readonly Trace[]>, server: Server, shell = ""): Promise<Trace[]> {
  const own = [...(await page())];
  const joinId = own[0]?.joinId;
  const logged = [...server.output.split("\n"), ...shell.split("\n")].flatMap((line) => {
    const trace = fromLog(line);
    return trace !== null && trace.joinId === joinId ? [trace] : [];
  });
  const points = new Map<number, Trace>();
  for (const trace of [...own, ...logged]) {
    if (!points.has(trace.point)) points.set(trace.point, trace);
  }
  return [...points.values()].sort((a, b) => a.point - b.point);
}

function fromLog(line: string): Trace | null {
  if (!line.includes("snug::trace")) return null;
  const field = (name: string) => new RegExp(`"?\\b${name}"?[=:]\\s*"?([^",}\\s]+)`).exec(line)?.[1];
  const [joinId, point, name, at] = [field("join_id"), field("point"), field("name"), field("at_us")];
  if (joinId === undefined || point === undefined || at === undefined) return null;
  return { joinId, point: Number(point), name: name ?? "", at: Number(at) / 1000 };
}

function print(title: string, runs: readonly Trace[][]): void {
  const rows: string[][] = [];
  const points = [...new Set(runs.flatMap((run) => run.map(({ point }) => point)))].sort((a, b) => a - b);
  for (const point of points) {
    const name = runs.flat().find((trace) => trace.point === point)?.name ?? "";
    const since = runs.flatMap((run) => {
      const [start, here] = [run.find((t) => t.point === 1), run.find((t) => t.point === point)];
      return start && here ? [here.at - start.at] : [];
    });
    rows.push([`${point} ${name}`, ms(median(since)), ms(Math.max(...since)), String(since.length)]);
  }
  table(`join: ${title}`, ["point, since the click", "median", "worst", "runs"], rows);
}
