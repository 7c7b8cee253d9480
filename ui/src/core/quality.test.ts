import { describe, expect, test } from "vitest";
import { hear, judge, SILENT, STEADY } from "./quality";

describe("quality", () => {
  const bad = { rttMs: 700, loss: 0 };
  const fine = { rttMs: 20, loss: null };

  test("three seconds in a row decide, two do not", () => {
    const two = judge(judge(STEADY, bad), bad);
    expect(two.shown).toBe("good");
    expect(judge(two, bad).shown).toBe("poor");
    expect(judge(judge(two, fine), bad).shown).toBe("good");
  });

  test("a speech goes on through a pause between words", () => {
    const speaking = hear(SILENT, 0.3, 1_000);
    expect(speaking.speaking).toBe(true);
    expect(hear(speaking, 0, 1_500).speaking).toBe(true);
    expect(hear(speaking, 0, 1_800).speaking).toBe(false);
  });
});
