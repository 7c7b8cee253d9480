/** The connection doctor in the real app, where other parts look than in a browser. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { house } from "../browser/house.ts";
import type { App } from "./app.ts";
import { street } from "./street.ts";

// Else a relay on this machine passes nothing on to this machine.
const inn = house("--turn-allow-private");
const lane = street();

test("before a call: all is well, and the report is saved beside the last one", async () => {
  const app = await lane.start("Ann", { args: [inn.room()] });
  await app.has('[data-command="join"]');
  const found = await examine(app);
  const fine = [
    "camera-works",
    "microphone-works",
    "no-echo",
    "server-reached",
    "clock-right",
    "udp-works",
    "relay-works",
  ];
  expect(found).toMatchObject(Object.fromEntries(fine.map((code) => [code, "fine"])));
  expect(Object.entries(found).filter(([, severity]) => severity === "broken")).toEqual([]);

  const first = await save(app, "snug-report.json");
  const report = JSON.parse(await readFile(first, "utf8")) as {
    format: string;
    snug: { host: string };
    findings: { code: string }[];
  };
  expect(report).toMatchObject({ format: "snug-report/1", snug: { host: "desktop" } });
  expect(report.findings.map(({ code }) => code)).toEqual(expect.arrayContaining(fine));
  expect(dirname(await save(app, "snug-report-2.json"))).toBe(dirname(first));
  await app.screenshot("lobby-doctor-saved-en");
});

test("the test tone begins and ends", async () => {
  const app = await lane.start("Ann", { args: [inn.room()] });
  await app.has('[data-command="test-speaker"]');
  // Where nothing flows, nothing begins to play, and the sound never ends.
  await app.driver.run(`
    const close = AudioContext.prototype.close;
    AudioContext.prototype.close = function () {
      const closed = close.call(this);
      closed.then(() => document.body.setAttribute("data-sound-ended", ""));
      return closed;
    };
  `);
  await app.press("test-speaker");
  await app.has("[data-sound-ended]");
  await app.screenshot("lobby-en");
});

test("in a call: a way that is good, and a server that is gone", async () => {
  const link = inn.room();
  const app = await lane.join("Ann", link);
  const ben = await inn.open(link, "Ben");
  await ben.join();
  await app.hearsAndSees("Ben", 10);
  expect(await examine(app)).toMatchObject({ "link-good": "fine", "clock-right": "fine" });
  await inn.server.kill();
  // The page and the guest may say so.
  app.mayComplain = true;
  ben.errors.length = 0;
  try {
    expect(await examine(app)).toMatchObject({ "server-unreachable": "broken" });
  } finally {
    await inn.server.restart();
  }
  await app.untilSeated(1);
});

/** Presses, waits for the end, and reads what was found: severity by code. */
async function examine(app: App): Promise<Record<string, string>> {
  if (!(await app.driver.run<boolean>("return document.querySelector('[data-doctor]') !== null;"))) {
    await app.press("doctor");
  }
  await app.driver.press("to begin", "return document.querySelector('[data-doctor-press=begin]');");
  await app.has("[data-exam=running]");
  await app.has("[data-exam=done]");
  return app.driver.run(`
    const all = [...document.querySelectorAll("[data-finding]")];
    return Object.fromEntries(all.map((one) => [one.dataset.finding, one.dataset.severity]));
  `);
}

/** Where the app says that the report lies now. */
async function save(app: App, name: string): Promise<string> {
  await app.driver.press("to save", "return document.querySelector('[data-doctor-press=save]');");
  await app.reads(`/${name}`);
  return app.driver.run(`
    const said = document.querySelector("[data-doctor] footer [role=status]").textContent;
    return said.slice(said.indexOf("/"));
  `);
}
