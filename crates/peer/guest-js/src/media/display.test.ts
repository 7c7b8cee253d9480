import { expect, test } from "vitest";
import { explainDisplays, explained, showsDisplay } from "./display";

const wrong = Object.assign(new Error("Invalid constraint"), { name: "OverconstrainedError" });
const yes = () => Promise.resolve(true);
const no = () => Promise.resolve(false);

function streamOf(settings: object): MediaStream {
  return { getVideoTracks: () => [trackOf(settings)] } as unknown as MediaStream;
}

function trackOf(settings: object): MediaStreamTrack {
  return { getSettings: () => settings } as unknown as MediaStreamTrack;
}

test("a desktop without a portal is explained, and nothing else is changed", async () => {
  const error = (await explained(wrong, no)) as DOMException;
  expect(error).toMatchObject({ name: "NotFoundError" });
  expect(error.message).toContain("xdg-desktop-portal");
  const refused = new DOMException("no", "NotAllowedError");
  expect(await explained(refused, no)).toBe(refused);
});

test("who chose no screen of a desktop that shares them is not told that it has none", async () => {
  const error = (await explained(wrong, yes)) as DOMException;
  expect(error).toMatchObject({ name: "NotAllowedError" });
  expect(error.message).not.toContain("xdg-desktop-portal");
});

test("a screen is known by its device, as are its copies, where no surface is told", async () => {
  const devices = {
    getDisplayMedia: () => Promise.resolve(streamOf({ deviceId: "screen" })),
  } as unknown as MediaDevices;
  explainDisplays(no, devices);
  expect(showsDisplay(trackOf({ deviceId: "screen" }))).toBe(false);
  await devices.getDisplayMedia();
  expect(showsDisplay(trackOf({ deviceId: "screen" }))).toBe(true);
  expect(showsDisplay(trackOf({ deviceId: "camera" }))).toBe(false);
  expect(showsDisplay(trackOf({}))).toBe(false);
  expect(showsDisplay(trackOf({ displaySurface: "monitor" }))).toBe(true);
});

test("the webview is asked at once, with what the page said", async () => {
  const asked: unknown[] = [];
  const stream = streamOf({});
  const devices = {
    getDisplayMedia(options: unknown) {
      asked.push([this === devices, options]);
      return Promise.resolve(stream);
    },
  } as unknown as MediaDevices;
  explainDisplays(no, devices);
  const got = devices.getDisplayMedia({ video: true });
  expect(asked).toEqual([[true, { video: true }]]);
  expect(await got).toBe(stream);
});

test("where there is no screen capture, there is none afterwards", () => {
  const devices = {} as MediaDevices;
  explainDisplays(no, devices);
  expect("getDisplayMedia" in devices).toBe(false);
});
