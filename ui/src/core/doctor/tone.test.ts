import { expect, it } from "vitest";
import { median, peakOf, toneLevel } from "./tone";

const RATE = 48_000;
const sine = (hz: number, amplitude: number, length = 2048) =>
  Float32Array.from({ length }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / RATE));
const plus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + (b[i] ?? 0));

it("finds a pitch as loud as it is", () => {
  expect(toneLevel(sine(1000, 0.5), RATE, 1000)).toBeCloseTo(0.5, 2);
  expect(toneLevel(sine(1000, 0.01), RATE, 1000)).toBeCloseTo(0.01, 3);
  expect(toneLevel(new Float32Array(0), RATE, 1000)).toBe(0);
});

it("finds it under a voice, and does not take a voice for it", () => {
  const voice = plus(plus(sine(140, 0.3), sine(280, 0.2)), sine(560, 0.1));
  expect(toneLevel(voice, RATE, 1000)).toBeLessThan(0.001);
  expect(toneLevel(plus(voice, sine(1000, 0.05)), RATE, 1000)).toBeCloseTo(0.05, 2);
});

it("knows the loudest moment and the middle", () => {
  expect(peakOf([0.1, -0.4, 0.2])).toBeCloseTo(0.4);
  expect(median([3, 1, 100])).toBe(3);
  expect(median([])).toBe(0);
});
