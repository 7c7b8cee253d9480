import { expect, test } from "vitest";
import { Silence } from "./redraw";

test("an encoder that says nothing, and has nothing left to do, is silent", () => {
  const silence = new Silence();
  expect(Array.from({ length: 8 }, () => silence.asked(0))).not.toContain(true);
  expect(silence.asked(0)).toBe(true);
});

test("one that is slow is not, nor one that answers", () => {
  const silence = new Silence();
  expect(Array.from({ length: 20 }, () => silence.asked(2))).not.toContain(true);
  silence.answered();
  expect(silence.asked(0)).toBe(false);
});
