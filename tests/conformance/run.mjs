// Runs a local checkout of web-platform-tests in the webview and in Chromium, and compares.
//
//   node tests/conformance/run.mjs --suite DIR [--folder webrtc]... [--match TEXT] [--only webview|chromium]
//                                  [--out DIR] [--commit TEXT] [--verbose]
//
// `results-*.json` in the output directory keep what each of the two said, so that `--only` renews one of them and
// `--match` some of their files. PROBE names another binary than the target directory's, CHROMIUM another browser.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openChromium, openTauri } from "./browsers.mjs";
import { percent, summarise, table } from "./report.mjs";
import { collect } from "./suite.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
/** What a loaded machine gets beyond the time that a test's own harness allows. */
const GRACE = 10_000;

const { values: options } = parseArgs({
  options: {
    suite: { type: "string" },
    folder: { type: "string", multiple: true, default: ["webrtc"] },
    match: { type: "string", default: "" },
    only: { type: "string" },
    out: { type: "string", default: at("../../target/conformance") },
    commit: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
if (!options.suite || !existsSync(join(options.suite, "resources/testharness.js"))) {
  console.error("--suite DIR: a checkout of web-platform-tests with `resources`, `interfaces` and `webrtc`");
  process.exit(2);
}
const suite = resolve(options.suite);
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const binary =
  process.env.PROBE ?? `${process.env.CARGO_TARGET_DIR ?? at("../../target")}/debug/examples/probe`;
const staging = mkdtempSync(join(tmpdir(), "conformance-"));
process.on("exit", () => rmSync(staging, { recursive: true, force: true }));

mkdirSync(join(staging, "resources"));
for (const file of ["testharnessreport.js", "testdriver-vendor.js"]) {
  cpSync(at(`page/${file}`), join(staging, "resources", file));
}
const built = spawnSync(
  "npx",
  [
    "vite",
    "build",
    "--config",
    at("vite.config.ts"),
    "--outDir",
    join(staging, "page"),
    "--logLevel",
    "warn",
  ],
  { stdio: "inherit" },
);
if (built.status !== 0) process.exit(1);
cpSync(join(staging, "page"), staging, { recursive: true });

// The suite's own server gives the parser another name.
const parser = join(suite, "resources/webidl2/lib/webidl2.js");
if (existsSync(parser)) cpSync(parser, join(staging, "resources/WebIDLParser.js"));

const tests = collect(suite, options.folder, staging);
const directories = [staging, suite];
const OPEN = {
  webview: () => openTauri({ binary, directories }),
  chromium: () => openChromium({ executablePath, directories }),
};

mkdirSync(options.out, { recursive: true });
const results = {};
for (const name of Object.keys(OPEN)) {
  const file = join(options.out, `results-${name}.json`);
  results[name] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  if (options.only && options.only !== name) continue;
  await runAll(name, results[name]);
  writeFileSync(file, JSON.stringify(results[name], null, 1));
}

const summary = summarise(tests, results.webview, results.chromium);
const about = {
  date: new Date().toISOString().slice(0, 10),
  suite: options.commit ?? revision(),
  system: system(),
  chromium: execFileSync(executablePath, ["--version"], { encoding: "utf8" })
    .trim()
    .replace(/ built.*/, ""),
};
writeFileSync(join(options.out, "conformance.json"), JSON.stringify({ about, ...summary }, null, 1));
const unsupported = readFileSync(at("unsupported.md"), "utf8");
writeFileSync(join(options.out, "conformance.md"), `${table(summary, about)}\n${unsupported}`);
const { total } = summary;
console.log(`${total.both} of the ${total.chromium} that Chromium passes: ${percent(total.share)}`);
console.log(`written to ${options.out}`);

async function runAll(name, outcomes) {
  let browser;
  for (const test of tests) {
    const id = test.path + test.variant;
    if (test.skip || !id.includes(options.match)) continue;
    const begin = Date.now();
    try {
      browser ??= await OPEN[name]();
      await browser.visit(id);
      outcomes[id] = await outcome(browser, test.seconds * 1000 + GRACE);
    } catch (error) {
      // The page, or all of the browser, is no more: the next test gets a new one.
      outcomes[id] = { status: "CRASH", message: String(error), tests: [] };
      await browser?.close().catch((cause) => console.error(`closing ${name}: ${cause}`));
      browser = undefined;
    }
    const { status, tests: all } = outcomes[id];
    const passed = all.filter((one) => one.status === "PASS").length;
    console.log(`${name} ${id}: ${passed}/${all.length} ${status} (${Date.now() - begin} ms)`);
    if (options.verbose) {
      if (status !== "OK") console.log(`    ${status}: ${outcomes[id].message}`);
      for (const one of all)
        if (one.status !== "PASS") console.log(`    ${one.status} ${one.name}: ${one.message}`);
    }
  }
  await browser?.close();
}

async function outcome(browser, bound) {
  const end = Date.now() + bound;
  while (Date.now() < end) {
    const value = await browser.result();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { status: "TIMEOUT", message: `nothing after ${bound} ms`, tests: [] };
}

function revision() {
  try {
    return execFileSync("git", ["-C", suite, "rev-parse", "--short", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "(a copy without history)";
  }
}

function system() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? process.platform;
}
