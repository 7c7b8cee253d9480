import { expect, test } from "vitest";
import { explainDisplays, explained } from "./display";

test("a desktop without a portal is explained, and nothing else is changed", async () => {
  const wrong = Object.assign(new Error("Invalid constraint"), { name: "OverconstrainedError" });
  expect(explained(wrong)).toMatchObject({ name: "NotFoundError" });
  expect((explained(wrong) as DOMException).message).toContain("xdg-desktop-portal");
  const refused = new DOMException("no", "NotAllowedError");
  expect(explained(refused)).toBe(refused);
});

test("the webview is asked at once, with what the page said", async () => {
  const asked: unknown[] = [];
  const stream = {} as MediaStream;
  const devices = {
    getDisplayMedia(options: unknown) {
      asked.push([this === devices, options]);
      return Promise.resolve(stream);
    },
  } as unknown as MediaDevices;
  explainDisplays(devices);
  const got = devices.getDisplayMedia({ video: true });
  expect(asked).toEqual([[true, { video: true }]]);
  expect(await got).toBe(stream);
});

test("where there is no screen capture, there is none afterwards", () => {
  const devices = {} as MediaDevices;
  explainDisplays(devices);
  expect("getDisplayMedia" in devices).toBe(false);
});
