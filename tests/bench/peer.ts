/** The Linux plugin beside Chromium's own RTCPeerConnection: the two ends of one call, and one page each alone. */
import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { App, BINARY } from "../desktop/app.ts";
import type { Display } from "../support/display.ts";
import { Server } from "../support/server.ts";
import { delayInPage } from "./delay.ts";
import { below, cpuSeconds } from "./procs.ts";
import { median, ms, quantile, table } from "./report.ts";

const SECONDS = 30;
/** As an expression; whatever ran this file may have marked its functions with a helper that a page does not have. */
const inPage = `((__name) => (${delayInPage.toString()})())((marked) => marked)`;

export async function peer(display: Display): Promise<void> {
  const server = await Server.start();
  const browser = await openBrowser();
  const link = newRoom(server.url);
  const guest = await Guest.open(browser, link, "Guest");
  await guest.join();
  const app = await App.start(display, "App", { server: server.url, args: ["--join", link] });
  try {
    await app.sees("Guest", 90);
    const roots = { app: below(BINARY), chromium: below("--remote-debugging-pipe") };
    const before = {
      app: cpuSeconds(roots.app),
      chromium: cpuSeconds(roots.chromium),
      at: performance.now(),
    };
    await app.sees("Guest", SECONDS * 30 - 30);
    const seconds = (performance.now() - before.at) / 1000;
    const perMinute = {
      app: ((cpuSeconds(roots.app) - before.app) * 60) / seconds,
      chromium: ((cpuSeconds(roots.chromium) - before.chromium) * 60) / seconds,
    };
    await guest.leave();
    await app.press("leave");
    const delays = {
      app: await app.driver.run<number[]>(`return ${inPage};`),
      chromium: await guest.page.evaluate<number[]>(inPage),
    };
    const row = (what: string, ours: number, theirs: number, show: (value: number) => string) => [
      what,
      show(ours),
      show(theirs),
      (ours / theirs).toFixed(2),
    ];
    const cpu = (value: number) => `${value.toFixed(1)} s`;
    table(
      "peer: the two ends of one call, then each page with itself",
      ["640x480, VP8 and Opus, both ways", "Linux plugin", "Chromium", "ratio"],
      [
        row("CPU seconds a minute, all processes", perMinute.app, perMinute.chromium, cpu),
        row("capture to display, median", median(delays.app), median(delays.chromium), ms),
        row("capture to display, 95 of 100", quantile(delays.app, 0.95), quantile(delays.chromium, 0.95), ms),
      ],
    );
    console.log(`\nThe app decoded ${SECONDS * 30 - 30} frames in ${seconds.toFixed(1)} s of call.`);
  } finally {
    await app.close();
    await browser.close();
    await server.stop();
  }
}
