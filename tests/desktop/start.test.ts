/** The ways into a room: a link that was clicked, a second start, `--join`, and links that are none. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { house } from "../browser/house.ts";
import { BINARY } from "./app.ts";
import { street } from "./street.ts";

const inn = house();
const lane = street();

const snugLink = (link: string) => link.replace(/^http:/, "snug:");
const roomOf = (link: string) => new URL(link).pathname.slice("/r/".length);

test("a link opens the lobby, and no more", async () => {
  const link = inn.room();
  const app = await lane.start("Ann", { args: [snugLink(link)] });
  await app.reads(roomOf(link));
  await app.has('[data-command="join"]');
  expect((await app.stats()).screen).toBe("lobby");
  await app.join();
});

test("--join goes straight into the call", async () => {
  const link = inn.room();
  const ben = await inn.open(link, "Ben");
  await ben.join();
  const app = await lane.start("Ann", { args: ["--join", link] });
  await app.inCall();
  await ben.tile("Guest").waitFor();
});

// The second process exits with the webview's threads alive, and once in some hundred times one of them crashes in it. The
// link has arrived by then.
test("a second start lands in the window that is open", { retry: 2 }, async () => {
  const app = await lane.start("Ann");
  expect((await app.stats()).screen).toBe("home");
  expect(await app.startAgain()).toBe(0);
  expect((await app.stats()).screen).toBe("home");
  const first = inn.room();
  expect(await app.startAgain(snugLink(first))).toBe(0);
  await app.reads(roomOf(first));
  expect((await app.stats()).screen).toBe("lobby");
  const second = inn.room();
  expect(await app.startAgain("--join", second)).toBe(0);
  await app.inCall();
  await app.reads(roomOf(second));
});

test("a wrong link leads home, with a sentence, whichever way it came", async () => {
  const app = await lane.start("Ann", { args: ["snug://snug.example/nowhere"] });
  await app.reads("That doesn't look like a room link or a code.");
  await app.screenshot("home-bad-link-en");
  await app.openLink(inn.room());
  await app.has('[data-command="join"]');
  await app.press("home");
  expect(await app.startAgain("javascript:alert(1)")).toBe(0);
  await app.reads("That doesn't look like a room link or a code.");
});

test("the command line explains itself", async () => {
  const snug = (...args: string[]) => promisify(execFile)(BINARY, args);
  expect((await snug("--help")).stdout).toMatch(/--join <URL>/);
  expect((await snug("--version")).stdout).toMatch(/^snug \d+\.\d+\.\d+\n$/);
  await expect(snug("--join", "https://snug.example/nowhere")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("the link names no room"),
  });
});
