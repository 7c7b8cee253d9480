import { expect, test } from "vitest";
import { annexB, avc, parametersOf } from "./annexb";

const SEQUENCE = [0x67, 0x42, 0xe0, 0x1f, 5];
const PICTURE = [0x68, 6, 0, 0, 3, 7];
const SLICE = [0x65, 0x88, 1, 2, 3];

test("a frame goes there and back", () => {
  const units = [SEQUENCE, PICTURE, SLICE];
  const lengths = Uint8Array.from(units.flatMap((unit) => [0, 0, 0, unit.length, ...unit]));
  const frame = lengths.slice();
  expect(annexB(frame)).toBe(true);
  expect([...frame]).toEqual(units.flatMap((unit) => [0, 0, 0, 1, ...unit]));
  const { data, parameters } = avc(frame);
  expect([...data]).toEqual([...lengths]);
  expect([...(parameters ?? [])]).toEqual([
    1,
    0x42,
    0xe0,
    0x1f,
    0xff,
    0xe1,
    0,
    5,
    ...SEQUENCE,
    1,
    0,
    6,
    ...PICTURE,
  ]);
  expect([...parametersOf(parameters ?? new Uint8Array())]).toEqual([
    0,
    0,
    0,
    1,
    ...SEQUENCE,
    0,
    0,
    0,
    1,
    ...PICTURE,
  ]);
});

test("a frame that refers to others has no parameters", () => {
  const frame = Uint8Array.from([0, 0, 0, 2, 0x41, 9]);
  expect(annexB(frame)).toBe(false);
  expect(avc(frame).parameters).toBeUndefined();
});

test("short start codes and what is broken are read as far as it goes", () => {
  const { data } = avc(Uint8Array.from([9, 0, 0, 1, 0x41, 2, 0, 0, 0, 1, 0x41, 3, 0, 0, 1]));
  expect([...data]).toEqual([0, 0, 0, 2, 0x41, 2, 0, 0, 0, 2, 0x41, 3]);
  expect(avc(new Uint8Array()).data.byteLength).toBe(0);
  expect(annexB(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x41]))).toBe(false);
  expect(parametersOf(new Uint8Array(3)).byteLength).toBe(0);
});
