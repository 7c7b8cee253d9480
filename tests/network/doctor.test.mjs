/**
 * What the connection doctor says behind real routers: `snug-server doctor --client` and the page in Chromium, each on a host
 * of the laboratory.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { openChromium } from "./chromium.mjs";
import { SERVER_BIN, Server, unserved } from "./house.mjs";
import { Lab, SERVER, unable } from "./lab.mjs";

const skip = unable() ?? unserved() ?? false;

/** By kind of router: what is to be found there by name, in the page and by the command. */
const FOUND = {
  "port-restricted": { page: { "nat-steady": "fine", "udp-works": "fine" }, command: { nat: "fine" } },
  symmetric: { page: { "nat-symmetric": "fine", "udp-works": "fine" }, command: { nat: "fine" } },
  "udp-blocked": {
    page: { "udp-blocked": "warning", "relay-works": "fine" },
    command: { udp: "broken", "turn-udp": "broken", "turn-tcp": "fine", path: "fine" },
  },
};

let lab;
let server;
before(async () => {
  if (skip) return;
  lab = new Lab();
  // So that the relay has an address in its URLs: Chromium's ICE does not look up names in a file.
  server = await Server.start(lab, { address: SERVER });
});
after(() => lab?.close());

for (const [kind, { page, command }] of Object.entries(FOUND)) {
  test(`${kind}, by command`, { skip }, async () => {
    const findings = await doctor(lab.site(kind));
    const levels = Object.fromEntries(findings.map(({ check, level }) => [check, level]));
    assert.deepEqual({ ...levels, ...command }, levels);
    const nat = findings.find(({ check }) => check === "nat")?.text ?? "";
    if (kind !== "udp-blocked") assert.equal(/symmetric/.test(nat), kind === "symmetric", nat);
  });

  test(`${kind}, in the page`, { skip }, async () => {
    const site = lab.site(kind);
    const browser = await openChromium(site);
    try {
      const found = await examine(browser);
      assert.deepEqual({ ...found, ...page }, found);
    } finally {
      await browser.close();
    }
  });
}

test("a symmetric router, and a server without a relay", { skip }, async () => {
  const alone = await Server.start(lab, {
    port: 8081,
    turn: null,
    options: ["--no-turn", "--stun", `stun:${SERVER}:3478`],
  });
  const browser = await openChromium(lab.site("symmetric"));
  try {
    const found = await examine(browser, alone);
    assert.equal(found["relay-absent"], "warning");
    // One server that sees us is not enough to know more.
    assert.equal(found["nat-unknown"], "unknown");
  } finally {
    await browser.close();
    await alone.stop();
  }
});

async function doctor(site) {
  const child = site.spawn(SERVER_BIN, ["doctor", "--json", "--client", server.url]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  return JSON.parse(text);
}

/** What is found in the lobby of a room: severity by code. */
async function examine(browser, of = server) {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(`${of.url}/r/abc-defg-hij`);
  await page.getByRole("button", { name: "Connection check" }).click();
  await page.getByRole("button", { name: "Check now" }).click();
  await page.locator("[data-exam=done]").waitFor();
  const found = await page
    .locator("[data-finding]")
    .evaluateAll((all) => all.map(({ dataset: { finding, severity } }) => [finding, severity]));
  return Object.fromEntries(found);
}
