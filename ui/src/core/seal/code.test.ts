import { describe, expect, test } from "vitest";
import { codeOf, gather, PICTURES } from "./code";

const ann = { fingerprint: "aa", nonce: "1" };
const ben = { fingerprint: "bb", nonce: "2" };

describe("what the code is made of", () => {
  test("is the same on every screen, whatever the order", () => {
    expect(gather([ann, ben])).toBe(gather([ben, ann]));
    expect(gather([ann, ben, ann])).toBe(gather([ben, ann]));
  });

  test("differs with every certificate and every number", () => {
    const all = [
      [ann, ben],
      [ann],
      [ann, { ...ben, fingerprint: "bc" }],
      [ann, { ...ben, nonce: "3" }],
      [ann, ben, { fingerprint: "cc", nonce: "3" }],
    ].map(gather);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("the code", () => {
  test("has 64 pictures to choose from, each once", () => {
    expect(new Set(PICTURES).size).toBe(64);
    expect([...PICTURES].sort()).toEqual([...PICTURES]);
  });

  test("shows every bit that it claims to show", () => {
    const zero = new Uint8Array(16);
    expect(codeOf(zero)).toEqual({ pictures: Array(6).fill("anchor"), digits: "000000" });
    for (let at = 0; at < 14; at++) {
      const bytes = Uint8Array.from(zero, (_, i) => (i === at ? 1 : 0));
      expect(codeOf(bytes)).not.toEqual(codeOf(zero));
    }
    expect(codeOf(Uint8Array.from({ length: 16 }, () => 255)).digits).toBe("551615");
  });
});
