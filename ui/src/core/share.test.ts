import { expect, test } from "vitest";
import { share } from "./share";

test("equal parts are shared, changed ones are not", () => {
  const before = { tiles: [{ name: "Ann" }, { name: "Ben" }], self: { level: 1 }, on: null };
  expect(share(before, structuredClone(before))).toBe(before);
  const after = share(before, { ...structuredClone(before), tiles: [{ name: "Ann" }, { name: "Eve" }] });
  expect(after.tiles[0]).toBe(before.tiles[0]);
  expect(after.tiles[1]).toEqual({ name: "Eve" });
  expect(after.self).toBe(before.self);
  expect(share(before.tiles, [{ name: "Ann" }])).toEqual([{ name: "Ann" }]);
});
