/** The guest's page runs what it vouches for and nothing else, and asks nobody but its own server. */
import type { Page } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { house } from "./house.ts";

const inn = house();
const pages: Page[] = [];

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.context().close()));
});

/** A page that may complain: that is what these tests are about. */
async function fresh(): Promise<Page> {
  const context = await inn.browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  pages.push(page);
  return page;
}

test("a whole call asks its own server and nobody else", async () => {
  const asked = new Set<string>();
  const link = inn.room();
  const ann = await inn.open(link, "Ann");
  ann.page.on("request", (request) => asked.add(new URL(request.url()).origin));
  ann.page.on("websocket", (socket) => asked.add(new URL(socket.url()).origin.replace("ws", "http")));
  await ann.page.reload();
  await ann.join();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await ann.hearsAndSees("Ben", 5);
  expect([...asked]).toEqual([inn.server.url]);
});

test("every script and style is vouched for, also those that come later", async () => {
  const html = await (await fetch(inn.server.url)).text();
  const map = /<script type="importmap">(.*?)<\/script>/.exec(html)?.[1];
  const { integrity } = JSON.parse(map ?? "{}") as { integrity: Record<string, string> };
  const tags = [...html.matchAll(/<(?:script|link)[^>]*(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"[^>]*>/g)];
  expect(tags.length).toBeGreaterThanOrEqual(2);
  for (const [tag] of tags) expect(tag).toMatch(/integrity="sha384-[A-Za-z0-9+/]{64}"/);
  const asked: string[] = [];
  const page = await fresh();
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(inn.room());
  await page.getByLabel("Your name").waitFor();
  const scripts = asked.filter((path) => path.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(1);
  for (const path of scripts) expect(Object.keys(integrity)).toContain(path);
});

test.each([
  ["the first script", /\/assets\/index-.*\.js$/],
  ["one that comes later", /\/assets\/Lobby-.*\.js$/],
])("%s, changed on its way, is not run", async (_, path) => {
  const page = await fresh();
  const refused = new Promise<string>((done) => {
    page.on("console", (message) => {
      if (/integrity|digest/i.test(message.text())) done(message.text());
    });
  });
  await page.route(path, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `window.betrayed = true;${await answer.text()}` });
  });
  await page.goto(inn.room());
  expect(await refused).toBeTruthy();
  expect(await page.evaluate("window.betrayed")).toBeUndefined();
});

test("what a stranger might smuggle in is refused by the policy", async () => {
  const page = await fresh();
  await page.goto(inn.room());
  await page.getByLabel("Your name").waitFor();
  const broken = await page.evaluate(async () => {
    const seen: string[] = [];
    document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
    const put = (name: string, fields: object) =>
      document.body.append(Object.assign(document.createElement(name), fields));
    put("script", { textContent: "window.betrayed = true" });
    put("script", { src: "https://elsewhere.example/x.js" });
    put("img", { src: "https://elsewhere.example/x.png" });
    put("iframe", { src: "https://elsewhere.example/" });
    put("link", { rel: "stylesheet", href: "https://elsewhere.example/x.css" });
    await fetch("https://elsewhere.example/").catch(() => {});
    try {
      new WebSocket("wss://elsewhere.example/");
    } catch {
      // Some browsers throw, all of them report.
    }
    while (seen.length < 7) await new Promise((done) => setTimeout(done, 10));
    return [...new Set(seen)].sort();
  });
  expect(broken).toEqual(["connect-src", "frame-src", "img-src", "script-src-elem", "style-src-elem"]);
  expect(await page.evaluate("window.betrayed")).toBeUndefined();
});

test("the page stands in nobody's frame, and tells nobody where it came from", async () => {
  const answer = await fetch(inn.server.url);
  const policy = answer.headers.get("content-security-policy") ?? "";
  for (const rule of [
    "default-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ]) {
    expect(policy).toContain(rule);
  }
  expect(policy).not.toMatch(/unsafe|\*|https:/);
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  expect(answer.headers.get("integrity-policy")).toBe("blocked-destinations=(script)");
});
