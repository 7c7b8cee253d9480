// End-to-end tests of the plugin: `node e2e/run.mjs [PATTERN]`, one line per case, exit code 1 if one fails.
// Needs the probe (`cargo build -p tauri-plugin-peer-connection --example probe`), WebKitWebDriver, Xvfb, Chromium, and mutter
// with xdg-desktop-portal-gnome.
// PROBE names another binary, CHROMIUM another browser.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CASES, drawing, mesh, together } from "./cases.mjs";
import { openChromium } from "./chromium.mjs";
import { CODECS } from "./codecs.mjs";
import { jitterBuffer } from "./jitter-buffer.mjs";
import { adapter, peerJs, simplePeer } from "./libraries.mjs";
import { lifecycle } from "./lifecycle.mjs";
import { liveKit } from "./livekit.mjs";
import { pipelines } from "./pipelines.mjs";
import { display, noChoice, noScreen, screen } from "./screen.mjs";
import { SEALED_SIMULCAST } from "./sealed-simulcast.mjs";
import { INVERTED, SEALING } from "./sealing.mjs";
import { simulcast } from "./simulcast.mjs";
import { VOICES } from "./voices.mjs";
import { openWebview } from "./webview.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? at("../../../../target");
const binary = process.env.PROBE ?? `${target}/debug/examples/probe`;
const directory = at("../../examples/probe/dist");
const pattern = process.argv[2] ?? "";

const built = spawnSync("npx", ["vite", "build", "--logLevel", "warn"], { cwd: at(".."), stdio: "inherit" });
if (built.status !== 0) process.exit(1);
if (!existsSync(binary)) {
  console.error(`${binary} is missing: cargo build -p tauri-plugin-peer-connection --example probe`);
  process.exit(1);
}

const pages = new Map();
const OPEN = {
  webview: () => openWebview({ binary, env: { PROBE_MOCK_DEVICES: "1", PROBE_PAGE: directory } }),
  chromium: () => openChromium({ directory }),
};
const page = async (name) => {
  if (!pages.has(name)) pages.set(name, await OPEN[name]());
  return pages.get(name);
};

const PAIRS = [
  ["webview", "webview"],
  ["webview", "chromium"],
  ["chromium", "webview"],
  ...(process.env.REFERENCE ? [["chromium", "chromium"]] : []),
];
/** A case for each pair of pages. */
const each = (stories, prefix = "", options = {}) =>
  PAIRS.flatMap(([one, other]) =>
    Object.entries(stories)
      // Chromium does not give up a transform again.
      .filter(([name]) => !(one === "chromium" && name === "dropped"))
      .map(([name, story]) => [
        `${one} to ${other}: ${prefix}${name}`,
        async () => together(await page(one), await page(other), story, options),
      ]),
  );
const outwards = (name, story) => [
  `webview to chromium: ${name}`,
  async () => story(await page("webview"), await page("chromium")),
];

/** Cases that share their pages; each group begins with new ones. */
const GROUPS = [
  [["pipelines in the webview", async () => pipelines(await page("webview"))], ...each(CASES)],
  each(CODECS, "codec "),
  each(VOICES, "codec of voices "),
  // Chromium without an audio device plays nothing.
  ["webview", "chromium"].map((one) => [
    `${one} to webview: jitterBuffer`,
    async () => together(await page(one), await page("webview"), jitterBuffer),
  ]),
  [...each(SEALING), ...each(INVERTED, "", { insertable: true })],
  // Both ends keep their connection under one name, so that they cannot share a page.
  PAIRS.slice(1, 3).flatMap(([one, other]) =>
    Object.entries(SEALED_SIMULCAST).map(([name, story]) => [
      `${one} to ${other}: ${name}`,
      async () => story(await page(one), await page(other)),
    ]),
  ),
  [
    outwards("simulcast", simulcast),
    outwards("drawing", (one, other) => together(one, other, drawing)),
    outwards("screen", (one, other) => together(one, other, screen)),
    outwards("display", (one, other) => together(one, other, display)),
    ["webview: no screen", () => noScreen({ binary, directory })],
    ["webview: no screen chosen", () => noChoice({ binary, directory })],
    outwards("mesh", mesh),
  ],
  [["webview: lifecycle", async () => lifecycle(await page("webview"), binary)]],
  [
    // Some of them change the interfaces of the page they are loaded into.
    ...Object.entries({ simplePeer, peerJs }).flatMap(([name, story]) =>
      PAIRS.slice(1, 3).map(([one, other]) => [
        `${one} to ${other}: ${name}`,
        async () => story(await page(one), await page(other)),
      ]),
    ),
    outwards("liveKit", liveKit),
    outwards("adapter", (one, other) => adapter(one, other, CASES.call)),
  ],
];

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, async () => {
    await renew();
    process.kill(process.pid, signal);
  });
}

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const group of GROUPS) {
  for (const [name, test] of group.filter(([name]) => name.includes(pattern))) {
    // All of this is media in real time, on machines that do something else as well: one more chance, with new pages.
    const outcome = (await attempt(name, test)) ?? (await again(name, test));
    counts[outcome]++;
  }
  await renew();
}
console.log(
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", "),
);
process.exit(counts.failed > 0 ? 1 : 0);

async function attempt(name, test) {
  const begin = Date.now();
  try {
    const note = await test();
    const said = note?.skipped ?? note;
    console.log(
      `${note?.skipped ? "skip" : "ok"}\t${name} (${Date.now() - begin} ms)${said ? `: ${said}` : ""}`,
    );
    return note?.skipped ? "skipped" : "passed";
  } catch (error) {
    console.log(`FAIL\t${name} (${Date.now() - begin} ms)\n${error.stack}`);
    return undefined;
  }
}

async function again(name, test) {
  await renew();
  console.log(`again\t${name}`);
  return (await attempt(name, test)) ?? "failed";
}

async function renew() {
  const open = [...pages.values()];
  pages.clear();
  await Promise.allSettled(open.map((each) => each.close()));
}
