import { expect, test } from "vitest";
import { Energy } from "./energy";

test("a second of a full-scale square wave has the energy of one", () => {
  const energy = new Energy();
  for (let frame = 0; frame < 50; frame++) energy.add(new Float32Array(960).fill(1), 48_000);
  const { audioLevel, totalAudioEnergy, totalSamplesDuration } = energy.members();
  expect(audioLevel).toBe(1);
  expect(totalAudioEnergy).toBeCloseTo(1);
  expect(totalSamplesDuration).toBeCloseTo(1);
});

test("silence lasts but has no energy", () => {
  const energy = new Energy();
  energy.add(new Float32Array(960), 48_000);
  expect(energy.members()).toEqual({ audioLevel: 0, totalAudioEnergy: 0, totalSamplesDuration: 0.02 });
});
