// Looks at every screen of the gallery in real Chromium, under the strict CSP of production, and leaves pictures of them.
// Usage: node screens.mjs [--out FOLDER] [--only PREFIX] [--quick]      Fails on a CSP violation, an error, or an
// accessibility fault that axe can see.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { build } from "vite";

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
const here = import.meta.dirname;
const out = options.out ?? process.env.SNUG_SCREENS ?? join(here, "../target/screens");
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: mediastream:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
].join("; ");
const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const browserPath =
  process.env.SNUG_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "snug-gallery-"));
await build({
  configFile: join(here, "vite.config.ts"),
  mode: "web",
  logLevel: "warn",
  build: { outDir: folder, emptyOutDir: true, rolldownOptions: { input: join(here, "gallery.html") } },
});

const server = createServer((request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  try {
    const body = readFileSync(join(folder, path));
    response.writeHead(200, {
      "content-type": kinds[extname(path)] ?? "",
      "content-security-policy": policy,
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const sizes = [
  { name: "1280x800", width: 1280, height: 800 },
  { name: "900x600", width: 900, height: 600 },
  { name: "390x800", width: 390, height: 800 },
];
const faults = [];
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
});
mkdirSync(out, { recursive: true });

try {
  const names = (await listScreens()).filter((name) => name.startsWith(options.only));
  for (const size of options.quick ? sizes.slice(0, 1) : sizes) {
    for (const theme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport: size, colorScheme: theme });
      const page = await context.newPage();
      for (const name of names) {
        // Every pairing once; the smaller sizes see each language and each theme, not their product.
        const langs = size === sizes[0] ? ["en", "zh-CN"] : [theme === "light" ? "en" : "zh-CN"];
        for (const lang of langs) await look(page, { name, lang, theme, size: size.name });
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
if (faults.length > 0) {
  console.error([...new Set(faults)].join("\n"));
  process.exit(1);
}
console.error(`every screen is in ${out}`);

async function listScreens() {
  const page = await browser.newPage();
  await page.goto(`${origin}/gallery.html`);
  const names = await page.locator("a").allTextContents();
  await page.close();
  return names;
}

async function look(page, { name, lang, theme, size }) {
  const where = `${name} ${lang} ${theme} ${size}`;
  const complain = (text) => faults.push(`${where}: ${text}`);
  const onConsole = (message) => {
    if (message.type() === "error" || message.type() === "warning") complain(message.text());
  };
  const onError = (error) => complain(error.message);
  page.on("console", onConsole);
  page.on("pageerror", onError);
  await page.goto(`${origin}/gallery.html?screen=${name}&lang=${lang}&theme=${theme}`);
  await page.locator("main").first().waitFor();
  await page.waitForFunction(() => document.documentElement.dataset.busy === undefined);
  await page.waitForFunction(() =>
    [...document.querySelectorAll("video")].every((video) => video.videoWidth > 0),
  );
  if (
    await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  ) {
    complain("scrolls sideways");
  }
  await page.screenshot({ path: join(out, `${name}.${lang}.${theme}.${size}.png`), animations: "disabled" });
  for (const violation of await faultsSeen(page)) complain(violation);
  page.off("console", onConsole);
  page.off("pageerror", onError);
}

// Evaluated by the debugger and not by the page, so the policy stays as it is.
async function faultsSeen(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return result.violations.map(
      (fault) =>
        `${fault.id}: ${fault.help}: ${fault.nodes
          .map((node) => `${node.target} ${node.any[0]?.message ?? ""}`)
          .slice(0, 3)
          .join(" | ")}`,
    );
  });
}
