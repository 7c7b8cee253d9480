/** A server that lets in only whom its operator invited, and a room whose moderators open the door. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { BINARY } from "../support/server.ts";
import type { Guest } from "./guest.ts";
import { house } from "./house.ts";

const key = "door";
const secret = randomBytes(32).toString("hex");
const inn = house("--api-key", key, "--api-secret", secret);
const credentials = { SNUG_API_KEY: key, SNUG_API_SECRET: secret };

/** Everybody who is to talk in one room needs the same. */
const roomSecret = randomBytes(16).toString("base64url");

/** What an operator sends to one person. */
function invitation(room: string, identity: string, ...options: string[]): string {
  const words = ["token", "--room", room, "--identity", identity, "--url", inn.server.url];
  words.push("--secret", roomSecret, ...options);
  return execFileSync(BINARY, words, { env: { ...process.env, ...credentials }, encoding: "utf8" }).trim();
}

/** What it gives away when it is asked for the link. */
async function given(guest: Guest): Promise<string> {
  await guest.page.context().grantPermissions(["clipboard-read", "clipboard-write", "camera", "microphone"]);
  await guest.button("Copy link").first().click();
  await guest.page.locator("[data-notice=link-copied]").first().waitFor({ state: "attached" });
  return guest.page.evaluate(() => navigator.clipboard.readText());
}

test("without an invitation one is told so; with one, one is in, and does not give it away", async () => {
  const link = invitation("study", "ann");
  expect(new URL(link).hash).toMatch(/^#[\w-]{22}&token=[\w-]+\.[\w-]+\.[\w-]+$/);
  const stranger = await inn.open(link.replace(/&token=.*$/, ""), "Eve");
  await stranger.page.getByLabel("Your name").fill("Eve");
  await stranger.press("Join");
  await stranger.heading("This link doesn't let you in").waitFor();
  await stranger.screenshot("guest-trouble-unauthorized");

  const ann = await inn.open(link, "Ann");
  await ann.join();
  expect(await given(ann)).toBe(link.replace(/&token=.*$/, ""));
  const ben = await inn.open(invitation("study", "ben"), "Ben");
  await ben.join();
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);
  // A reload comes back by the same invitation.
  await ben.page.reload();
  await ben.join();
  await ann.hearsAndSees("Ben");
});

test("an invitation to another room, or one that is over, does not open the door", async () => {
  const other = new URL(invitation("attic", "ann"));
  other.pathname = "/r/cellar";
  const wrong = await inn.open(other.href, "Ann");
  await wrong.page.getByLabel("Your name").fill("Ann");
  await wrong.press("Join");
  await wrong.heading("This link doesn't let you in").waitFor();
});

test("a room with a lobby: knock, wait, be let in or turned away", async () => {
  const made = await fetch(`${inn.server.url}/api/rooms`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ roomId: "salon", lobby: true }),
  });
  expect(made.status).toBe(201);
  const ann = await inn.open(invitation("salon", "ann", "--admin"), "Ann");
  await ann.join();

  const ben = await inn.open(invitation("salon", "ben"), "Ben");
  await ben.page.getByLabel("Your name").fill("Ben");
  await ben.press("Join");
  await ben.page.getByText("You've knocked.").waitFor();
  await ben.screenshot("guest-lobby-knocking");
  await ann.page.getByText("Ben would like to come in").waitFor();
  await ann.screenshot("guest-call-knock");
  await ann.press("Let in");
  await ben.button("Leave").waitFor();
  await Promise.all([ann.hearsAndSees("Ben"), ben.hearsAndSees("Ann")]);

  const cid = await inn.open(invitation("salon", "cid"), "Cid");
  await cid.page.getByLabel("Your name").fill("Cid");
  await cid.press("Join");
  await ann.page.getByText("Cid would like to come in").waitFor();
  expect(await ben.page.getByText("Cid would like to come in").count()).toBe(0);
  await ann.press("Turn away");
  await cid.heading("Nobody let you in").waitFor();
  await cid.screenshot("guest-trouble-denied");
});
