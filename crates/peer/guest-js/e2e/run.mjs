// End-to-end tests of the plugin: `node e2e/run.mjs [PATTERN]`, one line per case, exit code 1 if one fails.
// Needs the probe (`cargo build -p tauri-plugin-peer-connection --example probe`), WebKitWebDriver, Xvfb and Chromium.
// PROBE names another binary, CHROMIUM another browser.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CASES, mesh, together } from "./cases.mjs";
import { openChromium } from "./chromium.mjs";
import { CODECS } from "./codecs.mjs";
import { adapter, peerJs, simplePeer } from "./libraries.mjs";
import { lifecycle } from "./lifecycle.mjs";
import { liveKit } from "./livekit.mjs";
import { pipelines } from "./pipelines.mjs";
import { display, noScreen, screen } from "./screen.mjs";
import { inverted, SEALING } from "./sealing.mjs";
import { simulcast } from "./simulcast.mjs";
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

const list = [["pipelines in the webview", async () => pipelines(await page("webview"))]];
const PAIRS = [
  ["webview", "webview"],
  ["webview", "chromium"],
  ["chromium", "webview"],
  ...(process.env.REFERENCE ? [["chromium", "chromium"]] : []),
];
for (const [one, other] of PAIRS) {
  for (const [name, story] of Object.entries(CASES)) {
    list.push([
      `${one} to ${other}: ${name}`,
      async () => together(await page(one), await page(other), story),
    ]);
  }
}

for (const [one, other] of PAIRS) {
  for (const [name, story] of Object.entries(CODECS)) {
    list.push([
      `${one} to ${other}: codec ${name}`,
      async () => together(await page(one), await page(other), story),
    ]);
  }
}

for (const [one, other] of PAIRS) {
  for (const [name, story] of Object.entries(SEALING)) {
    // Chromium does not give up a transform again.
    if (one === "chromium" && name === "dropped") continue;
    list.push([
      `${one} to ${other}: ${name}`,
      async () => together(await page(one), await page(other), story),
    ]);
  }
}
list.push([
  "webview to webview: inverted",
  async () => together(await page("webview"), await page("webview"), inverted, { insertable: true }),
]);

list.push([
  "webview to chromium: simulcast",
  async () => simulcast(await page("webview"), await page("chromium")),
]);
list.push([
  "webview to chromium: screen",
  async () => together(await page("webview"), await page("chromium"), screen),
]);
list.push([
  "webview to chromium: display",
  async () => together(await page("webview"), await page("chromium"), display),
]);
list.push(["webview: no screen", () => noScreen({ binary, directory })]);
list.push(["webview: lifecycle", async () => lifecycle(await page("webview"), binary)]);
list.push(["webview to chromium: mesh", async () => mesh(await page("webview"), await page("chromium"))]);

// Last, as some of them change the interfaces of the page they are loaded into.
for (const [name, story] of Object.entries({ simplePeer, peerJs })) {
  for (const [one, other] of PAIRS.slice(1, 3)) {
    list.push([`${one} to ${other}: ${name}`, async () => story(await page(one), await page(other))]);
  }
}
list.push([
  "webview to chromium: liveKit",
  async () => liveKit(await page("webview"), await page("chromium")),
]);
list.push([
  "webview to chromium: adapter",
  async () => adapter(await page("webview"), await page("chromium"), CASES.call),
]);

let failed = 0;
let passed = 0;
let skipped = 0;
for (const [name, test] of list) {
  if (!name.includes(pattern)) continue;
  const begin = Date.now();
  try {
    const note = await test();
    if (note?.skipped) {
      skipped++;
      console.log(`skip  ${name}: ${note.skipped}`);
      continue;
    }
    passed++;
    console.log(`ok    ${name} (${Date.now() - begin} ms)${note ? `: ${note}` : ""}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name} (${Date.now() - begin} ms)\n${error.stack}`);
  }
}
await Promise.allSettled([...pages.values()].map((open) => open.close()));
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 ? 1 : 0);
