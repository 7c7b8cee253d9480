import { afterEach, expect, test } from "vitest";
import { allowVideo, capabilities, codecName, videoCodecs } from "./capabilities";
import { preferences } from "./parameters";

afterEach(() => allowVideo(["VP8"]));

test("only what the webview can encode and decode is named, VP8 first", () => {
  const names = () => capabilities("video")?.codecs.map(({ mimeType }) => mimeType);
  expect(names()).toEqual(["video/VP8", "video/rtx"]);
  allowVideo(["VP8", "VP9", "H264"]);
  expect(names()).toEqual(["video/VP8", "video/VP9", "video/H264", "video/rtx"]);
  expect(videoCodecs()).toEqual(["VP8", "VP9", "H264"]);
  expect(capabilities("text")).toBeNull();
});

test("a page prefers what is among the capabilities, parameters and all", () => {
  allowVideo(["VP8", "H264"]);
  const known = capabilities("video")?.codecs ?? [];
  const [, h264, rtx] = known;
  expect(preferences([h264, rtx], known)).toEqual([h264, rtx]);
  expect(() => preferences([{ mimeType: "video/VP9", clockRate: 90_000 }], known)).toThrow("capabilities");
  expect(() => preferences([{ mimeType: "video/H264", clockRate: 90_000 }], known)).toThrow("capabilities");
  expect(() => preferences([rtx], known)).toThrow("media");
});

test("voices are named as Chromium names them, Opus first", () => {
  const known = capabilities("audio")?.codecs ?? [];
  expect(known.map(({ mimeType, clockRate, channels }) => [mimeType, clockRate, channels])).toEqual([
    ["audio/opus", 48_000, 2],
    ["audio/PCMU", 8_000, 1],
    ["audio/PCMA", 8_000, 1],
    ["audio/telephone-event", 48_000, 1],
    ["audio/telephone-event", 8_000, 1],
  ]);
  const [, pcmu, pcma, , tones] = known;
  expect(preferences([pcma, pcmu, tones], known)).toEqual([pcma, pcmu, tones]);
  expect(() => preferences([tones], known)).toThrow("media");
});

test("codecs have names", () => {
  const names = ["video/VP9", "audio/opus", "AUDIO/pcmu", "audio/telephone-event", undefined].map(codecName);
  expect(names).toEqual(["VP9", "opus", "PCMU", undefined, undefined]);
});
