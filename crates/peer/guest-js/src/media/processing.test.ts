import { expect, test } from "vitest";
import { processingOf } from "./processing";

function track(settings: MediaTrackSettings, constraints: MediaTrackConstraints): MediaStreamTrack {
  return { getSettings: () => settings, getConstraints: () => constraints } as MediaStreamTrack;
}

test("a microphone is processed unless its constraints say otherwise", () => {
  const device = { deviceId: "m" };
  const all = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  expect(processingOf(track(device, {}))).toEqual(all);
  expect(processingOf(track(device, { echoCancellation: false }))).toEqual({
    ...all,
    echoCancellation: false,
  });
  const constraints = { noiseSuppression: { exact: false }, autoGainControl: { ideal: false } };
  expect(processingOf(track(device, constraints))).toEqual({
    echoCancellation: true,
    noiseSuppression: false,
    autoGainControl: false,
  });
});

test("what no device feeds stays as it is", () => {
  expect(processingOf(track({}, {}))).toEqual({
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
  });
});
