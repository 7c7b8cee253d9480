/** What the page may do, and what it may not. */
import { expect, test } from "vitest";
import { house } from "../browser/house.ts";
import { street } from "./street.ts";

const inn = house();
const lane = street();

test("the page is told where it is", async () => {
  const app = await lane.start("Ann", { server: inn.server.url });
  expect(await app.invoke("boot")).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    platform: "linux",
    defaultServer: inn.server.url,
    firstLink: null,
    joinAtOnce: false,
    nativePeerConnection: false,
    testMode: true,
  });
  expect(await app.driver.run("return [location.origin, isSecureContext];")).toEqual([
    "tauri://localhost",
    true,
  ]);
});

test("camera and microphone are granted to the page, and nothing else is", async () => {
  const app = await lane.start("Ann");
  const tracks = await app.driver.run(`
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    return stream.getTracks().map((track) => track.kind + " " + track.readyState).sort();`);
  expect(tracks).toEqual(["audio live", "video live"]);
  const refused = await app.driver.run(`
    return new Promise((done) => navigator.geolocation
      ? navigator.geolocation.getCurrentPosition(() => done("told"), (error) => done(error.code === error.PERMISSION_DENIED))
      : done(true));`);
  expect(refused).toBe(true);
});

test("only the app's own commands can be given, and their arguments are checked", async () => {
  const app = await lane.start("Ann");
  for (const command of [
    "plugin:clipboard-manager|read_text",
    "plugin:clipboard-manager|write_text",
    "plugin:opener|open_url",
    "plugin:deep-link|register",
    "plugin:window|close",
    "plugin:webview|create_webview_window",
    "plugin:app|version",
    "plugin:event|emit",
  ]) {
    await expect(app.invoke(command), command).rejects.toThrow(/not allowed|not found/);
  }
  const request = {
    server: "file:///etc",
    roomId: "tea",
    name: null,
    identity: null,
    capacity: null,
    token: null,
    joinId: "j",
  };
  await expect(app.invoke("join", { request })).rejects.toThrow("the server is not of the form");
  await expect(app.invoke("send", { sessionId: 99, message: {} })).rejects.toThrow(
    "no session has this number",
  );
});

test("the page stays, and brings nothing foreign in", async () => {
  const app = await lane.start("Ann");
  // What is refused here is told on its console.
  app.mayComplain = true;
  const verdict = await app.driver.run(
    `
    const blocked = [];
    document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
    const tried = (make) => new Promise((done) => { make(done); setTimeout(done, 200); });
    window.ran = false;
    await tried((done) => {
      const script = Object.assign(document.createElement("script"), { textContent: "window.ran = true", onload: done });
      document.head.append(script);
    });
    await tried((done) => {
      const image = Object.assign(new Image(), { src: "https://snug.invalid/x.png", onerror: done });
      document.body.append(image);
    });
    const fetched = await fetch(args[0] + "/healthz").then(() => true, () => false);
    let evaluated = true;
    try { new Function("return 1")(); } catch { evaluated = false; }
    return { blocked: [...new Set(blocked)].sort(), ran: window.ran, fetched, evaluated };`,
    inn.server.url,
  );
  expect(verdict).toEqual({
    blocked: expect.arrayContaining(["img-src", "script-src-elem"]),
    ran: false,
    fetched: false,
    evaluated: false,
  });
  await app.driver.run(
    "location.href = args[0]; await new Promise((then) => setTimeout(then, 200));",
    inn.server.url,
  );
  expect(await app.driver.run("return location.href;")).toBe("tauri://localhost");
});

test("a page that is loaded again leaves no ghost in its room", async () => {
  // Without a secret, because what joins here is a bare command, and no page that could seal anything.
  const link = inn.room().replace(/#.*/, "");
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const app = await lane.start("Ann");
  const { host, pathname } = new URL(link);
  const request = {
    server: `http://${host}`,
    roomId: pathname.slice("/r/".length),
    name: "Ann",
    identity: "ann",
    capacity: null,
    token: null,
    joinId: "j-1",
  };
  await app.invoke("join", { request });
  await ben.tile("Ann").waitFor();
  await app.driver.reload();
  await ben.tile("Ann").waitFor({ state: "detached" });
});
