/** The Linux plugin beside Chromium's own RTCPeerConnection: the two ends of one call, and one page each alone. */
import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { App, BINARY } from "../desktop/app.ts";
import type { Display } from "../support/display.ts";
import { Server } from "../support/server.ts";
import { both, type End, type Row, row, show } from "./beside.ts";
import { delayInPage } from "./delay.ts";
import { type DataFigures, dataInPage, holdInPage, type SetUp, setUpInPage } from "./loop.ts";
import { inPage } from "./pair.ts";
import { below, cpuSeconds, memory } from "./procs.ts";
import { mb, mean, median, ms, quantile } from "./report.ts";

const SECONDS = 30;
const SIZES = [
  [640, 480],
  [1280, 720],
] as const;
const SET_UPS = 10;
const MEGABYTES = 100;
const PAIRS = 20;

export async function peer(display: Display): Promise<void> {
  const server = await Server.start();
  const browser = await openBrowser();
  const link = newRoom(server.url);
  const guest = await Guest.open(browser, link, "Guest");
  await guest.join();
  const app = await App.start(display, "App", { server: server.url, args: ["--join", link] });
  try {
    await app.sees("Guest", 90);
    const ours: End = { root: below(BINARY), run: (script) => app.driver.run(`return ${script};`) };
    const theirs: End = {
      root: below("--remote-debugging-pipe"),
      run: (script) => guest.page.evaluate(script),
    };
    await inOneCall(app, ours, theirs);
    await guest.leave();
    await app.press("leave");
    const rows = [];
    for (const [width, height] of SIZES) rows.push(...(await alone(width, height, ours, theirs)));
    show("peer: each page with itself, VP8", rows);
    show("peer: each page with itself, set-up and data", await setUpAndData(ours, theirs));
  } finally {
    await app.close();
    await browser.close();
    await server.stop();
  }
}

async function inOneCall(app: App, ours: End, theirs: End): Promise<void> {
  const cpu = async (end: End) => cpuSeconds(end.root);
  const [before, began] = [await both(ours, theirs, cpu), performance.now()];
  await app.sees("Guest", SECONDS * 30 - 30);
  const seconds = (performance.now() - began) / 1000;
  const after = await both(ours, theirs, cpu);
  const [mine, its] = after.map((value, i) => ((value - (before[i] ?? 0)) * 60) / seconds) as [
    number,
    number,
  ];
  show("peer: the two ends of one call of 640x480, VP8 and Opus", [
    row("CPU seconds a minute, all processes", mine, its, cpuText),
  ]);
  console.log(`\nThe app decoded ${SECONDS * 30 - 30} frames in ${seconds.toFixed(1)} s of call.`);
}

async function alone(width: number, height: number, ours: End, theirs: End): Promise<Row[]> {
  const size = `${width}x${height}`;
  const [mine, its] = await both(ours, theirs, async (end) => {
    const [before, began] = [cpuSeconds(end.root), performance.now()];
    await end.run<number[]>(inPage(delayInPage, width, height, 0));
    const perMinute = ((cpuSeconds(end.root) - before) * 60_000) / (performance.now() - began);
    const delays = await end.run<number[]>(inPage(delayInPage, width, height, 1));
    return { delays, perMinute };
  });
  return [
    row(`${size}, CPU seconds a minute`, mine.perMinute, its.perMinute, cpuText),
    row(`${size}, capture to display, median`, median(mine.delays), median(its.delays), ms),
    row(`${size}, capture to display, p95`, quantile(mine.delays, 0.95), quantile(its.delays, 0.95), ms),
    row(`${size}, pictures shown in 10 s`, mine.delays.length, its.delays.length, String),
  ];
}

async function setUpAndData(ours: End, theirs: End): Promise<Row[]> {
  const setUps = await both(ours, theirs, (end) => end.run<SetUp[]>(inPage(setUpInPage, SET_UPS)));
  const data = await both(ours, theirs, (end) => end.run<DataFigures>(inPage(dataInPage, MEGABYTES)));
  const held = await both(ours, theirs, async (end) => {
    const before = memory(end.root);
    await end.run<null>(inPage(holdInPage, PAIRS));
    return (memory(end.root) - before) / (2 * PAIRS);
  });
  const of = <T>([mine, its]: readonly [T, T], figure: (one: T) => number) =>
    [figure(mine), figure(its)] as const;
  return [
    row(
      "offer to connected, median",
      ...of(setUps, (all) => median(all.map(({ connected }) => connected))),
      ms,
    ),
    row(
      "offer to first picture, median",
      ...of(setUps, (all) => median(all.map(({ firstFrame }) => firstFrame))),
      ms,
    ),
    row("data, MB/s", ...of(data, ({ megabytesPerSecond }) => megabytesPerSecond), (value) =>
      value.toFixed(1),
    ),
    row(
      "data, round trip, mean",
      ...of(data, ({ roundTrips }) => mean(roundTrips)),
      (value) => `${value.toFixed(2)} ms`,
    ),
    row("data, round trip, p95", ...of(data, ({ roundTrips }) => quantile(roundTrips, 0.95)), ms),
    row("memory a connection with a data channel (PSS)", ...held, mb),
  ];
}

const cpuText = (value: number) => `${value.toFixed(1)} s`;
