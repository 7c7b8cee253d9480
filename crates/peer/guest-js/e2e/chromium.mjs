// The same probe page in a real Chromium with fake camera and microphone.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Opens `directory`'s page in Chromium; gives `{run, close}` like the webview's. */
export async function openChromium({
  directory,
  executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium",
}) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(directory, path === "/" ? "index.html" : path);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath,
    // The runner ends what it has opened.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
    ],
  });
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("chromium:", error));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  return {
    kind: "chromium",
    run: (body, ...args) =>
      page.evaluate(
        ([source, values]) => new Function("args", `return (async () => { ${source} })()`)(values),
        [body, args],
      ),
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}
