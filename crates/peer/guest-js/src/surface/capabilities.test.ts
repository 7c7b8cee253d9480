import { afterEach, expect, test } from "vitest";
import { allowVideo, capabilities, videoCodec, videoCodecs } from "./capabilities";
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

test("codecs have names", () => {
  expect([videoCodec("video/VP9"), videoCodec("audio/opus"), videoCodec(undefined)]).toEqual([
    "VP9",
    undefined,
    undefined,
  ]);
});
