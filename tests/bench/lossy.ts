/** The part of `loss.ts` that runs in a network namespace of its own. Its one argument is the program that is the line. */
import { Guest, newRoom, openBrowser } from "../browser/guest.ts";
import { App, BINARY } from "../desktop/app.ts";
import { Display } from "../support/display.ts";
import { Server } from "../support/server.ts";
import { both, type End } from "./beside.ts";
import { inPage } from "./pair.ts";
import { DELAY, type Passed, Path } from "./path.ts";
import { below } from "./procs.ts";
import { table } from "./report.ts";
import { type Counts, type Seen, watchInPage } from "./watch.ts";

const [LAB = ""] = process.argv.slice(2);
const PERCENT = [0, 2, 5, 10];
const SECONDS = Number(process.env.SNUG_BENCH_SECONDS ?? 20);
const [WIDTH, HEIGHT, BITRATE] = [640, 480, 1_000_000];
/** Until the bitrate has found its place. */
const WARM = 8;
/** Of pictures after the loss: they tell the receiver what it has missed. */
const MARGIN = 0.5;
/** Until all that was decoded is counted: the plugin's page does so once a second. */
const SETTLED = 2.5;

const wait = (seconds: number) => new Promise((then) => setTimeout(then, seconds * 1000));

interface Figures {
  /** When the loss began, and when all that it caused was over. */
  readonly on: Counts;
  readonly off: Counts;
  /** Of the pictures since the loss began, and of all of them, those that were never decoded. */
  readonly sent: number;
  readonly missed: number;
  readonly passed: Passed;
  readonly seen: Seen;
}

async function measure(path: Path, end: End, percent: number): Promise<Figures> {
  const ask = <T>(what: keyof typeof window.watch) => end.run<T>(`window.watch.${what}()`);
  await end.run<null>(inPage(watchInPage, WIDTH, HEIGHT, BITRATE));
  await wait(WARM);
  const on = await ask<Counts>("counts");
  await ask("look");
  path.lose(percent);
  await wait(SECONDS);
  const passed = path.passed();
  path.lose(0);
  const seen = await ask<Seen>("seen");
  await wait(MARGIN);
  const off = await ask<Counts>("counts");
  await ask("pause");
  await wait(SETTLED);
  const after = await ask<Counts>("counts");
  await ask("close");
  return { on, off, sent: after.sent - on.sent, missed: after.sent - after.decoded, passed, seen };
}

const percentText = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
const secondsText = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const grown = ({ on, off }: Figures, of: keyof Counts) => (off[of] ?? Number.NaN) - (on[of] ?? Number.NaN);
const known = (value: number, text: (value: number) => string) => (Number.isNaN(value) ? "–" : text(value));

const ROWS: readonly [string, (figures: Figures) => string][] = [
  ["pictures sent", ({ sent }) => String(sent)],
  ["of those, not decoded", ({ sent, missed }) => percentText(missed, sent)],
  ["of those drawn, not seen", ({ seen: { drawn, seen } }) => percentText(drawn - seen, drawn)],
  ["freezes seen", ({ seen }) => String(seen.freezes.length)],
  ["… in all", ({ seen }) => secondsText(sum(seen.freezes))],
  ["longest time without a new picture", ({ seen }) => secondsText(seen.longest)],
  ["freezes that the receiver counts", (figures) => known(grown(figures, "freezes"), String)],
  ["… in all", (figures) => known(grown(figures, "frozenSeconds"), (seconds) => secondsText(seconds * 1000))],
  ["key frames asked for", (figures) => String(grown(figures, "keyFramesAskedFor"))],
  ["packets of RTP", ({ passed }) => String(passed.sent)],
  ["of those, lost", ({ passed: { sent, lost } }) => percentText(lost, sent)],
  [
    "sent again for each that was lost",
    (figures) =>
      figures.passed.lost > 0 ? (grown(figures, "sentAgain") / figures.passed.lost).toFixed(2) : "–",
  ],
  ["height of the last ones, in pixels", ({ off }) => String(off.height)],
  ["sent, kbit/s", (figures) => ((grown(figures, "bytesSent") * 8) / 1000 / (SECONDS + MARGIN)).toFixed(0)],
];

const path = await Path.lay(LAB);
const display = await Display.open();
const server = await Server.start();
const browser = await openBrowser();
try {
  const guest = await Guest.open(browser, newRoom(server.url), "Guest");
  const app = await App.start(display, "App", { server: server.url, args: ["--join", newRoom(server.url)] });
  try {
    // The app's page has a peer connection once it was in a call.
    await app.inCall();
    await app.press("leave");
    const ours: End = { root: below(BINARY), run: (script) => app.driver.run(`return ${script};`) };
    const theirs: End = {
      root: below("--remote-debugging-pipe"),
      run: (script) => guest.page.evaluate(script),
    };
    const columns: [string, Figures][] = [];
    for (const percent of PERCENT) {
      const [mine, its] = await both(ours, theirs, (end) => measure(path, end, percent));
      columns.push([`${percent} %, plugin`, mine], [`${percent} %, Chromium`, its]);
    }
    table(
      `loss: each page with itself, ${WIDTH}x${HEIGHT}, VP8, ${2 * DELAY} ms there and back, ${SECONDS} s each`,
      ["", ...columns.map(([title]) => title)],
      ROWS.map(([title, text]) => [title, ...columns.map(([, figures]) => text(figures))]),
    );
  } finally {
    await app.close();
  }
} finally {
  await browser.close();
  await server.stop();
  await display.close();
  await path.close();
}
