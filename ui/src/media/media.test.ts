import { expect, test } from "vitest";
import { choicesOf } from "./devices";
import { problemOf } from "./open";
import { lossBetween, NO_STATS, readStats } from "./stats";

const device = (kind: MediaDeviceKind, deviceId: string, label = deviceId) =>
  ({ kind, deviceId, label, groupId: "", toJSON: () => ({}) }) satisfies MediaDeviceInfo;

test("each device is offered once, and those without a name not at all", () => {
  const devices = [
    device("audioinput", "mic", "Mic by one road"),
    device("audioinput", "mic", "Mic by another"),
    device("audioinput", ""),
    device("videoinput", "cam"),
    device("audiooutput", "speaker"),
  ];
  expect(choicesOf(devices, true)).toEqual({
    microphone: [{ deviceId: "mic", label: "Mic by one road" }],
    camera: [{ deviceId: "cam", label: "cam" }],
    speaker: [{ deviceId: "speaker", label: "speaker" }],
  });
  expect(choicesOf(devices, false).speaker).toBeNull();
});

test.each([
  ["NotAllowedError", "denied"],
  ["NotFoundError", "missing"],
  ["OverconstrainedError", "missing"],
  ["NotReadableError", "busy"],
  ["AbortError", "busy"],
  ["SecurityError", "insecure"],
  ["TypeError", "unknown"],
])("%s is %s", (name, problem) => {
  expect(problemOf(new DOMException("", name))).toBe(problem);
});

test("an error that is none is unknown", () => {
  expect(problemOf("what")).toBe("unknown");
});

test("stats of all sections are added up, and odd ones are left out", () => {
  const report = new Map<string, Record<string, unknown>>([
    [
      "a",
      { type: "inbound-rtp", totalAudioEnergy: 0.5, audioLevel: 0.1, packetsReceived: 50, packetsLost: -2 },
    ],
    ["v", { type: "inbound-rtp", framesDecoded: 60, packetsReceived: 100, packetsLost: 3 }],
    ["o", { type: "outbound-rtp", framesEncoded: 40 }],
    ["s", { type: "media-source", totalAudioEnergy: 0.2 }],
    ["p", { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.02 }],
    ["q", { type: "candidate-pair", nominated: false, state: "succeeded", currentRoundTripTime: 9 }],
    ["x", { type: "inbound-rtp", framesDecoded: "many", packetsReceived: Number.NaN }],
  ]);
  expect(readStats(report)).toEqual({
    framesDecoded: 60,
    framesEncoded: 40,
    audioEnergy: 0.5,
    sentEnergy: 0.2,
    audioLevel: 0.1,
    packetsReceived: 150,
    packetsLost: 3,
    rttMs: 20,
  });
});

test("loss is of the packets that were due", () => {
  const after = { ...NO_STATS, packetsReceived: 90, packetsLost: 10 };
  expect(lossBetween(NO_STATS, after)).toBeCloseTo(0.1);
  expect(lossBetween(after, after)).toBeNull();
});
