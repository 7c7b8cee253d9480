// The two that are compared: the webview with the plugin, and Chromium with its own peer connection.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { openWebview } from "../../crates/peer/guest-js/e2e/webview.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".idl": "text/plain; charset=utf-8",
  ".webm": "video/webm",
  ".mp4": "video/mp4",
};

/** Opens the webview; `visit(path)` loads a test into a fresh document, `result()` is its outcome or null. */
export async function openTauri({ binary, directories }) {
  const webview = await openWebview({
    binary,
    env: { PROBE_MOCK_DEVICES: "1", PROBE_INLINE: "1", PROBE_PAGE: directories.join(delimiter) },
  });
  return {
    visit: (path) => webview.visit(`tauri://localhost/index.html?/${path}`),
    result: () => webview.now("return window.conformance ?? null"),
    close: webview.close,
  };
}

export async function openChromium({ executablePath, directories }) {
  const server = await serve(directories);
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  let page;
  return {
    visit: async (path) => {
      await page?.close();
      page = await browser.newPage();
      await page.goto(`http://localhost:${server.address().port}/${path}`, { waitUntil: "commit" });
    },
    result: () => page.evaluate(() => window.conformance ?? null),
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}

/** Serves files, those of the first directory that has them. */
async function serve(directories) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = directories.map((directory) => join(directory, path)).find((one) => existsSync(one));
    if (!file || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return server;
}
