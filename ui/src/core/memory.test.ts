import { expect, test } from "vitest";
import { forget, type Memory, recall, remember, toStored } from "./memory";
import type { Storage } from "./ports";

function storage(values: Record<string, unknown> = {}): Storage {
  return {
    read: (key) => values[key],
    write(key, value) {
      values[key] = value;
    },
  };
}

const room = (roomId: string) => ({
  link: { server: "https://snug.example", roomId, secret: null },
  lastAt: 5,
  people: ["Ann"],
});

test("what is stored is recalled", () => {
  const memory: Memory = {
    settings: { lang: "zh-CN", theme: "dark", name: "安", server: "http://nas.local:8080", sounds: false },
    recent: [room("a"), room("b")],
    devices: { microphone: { on: false, deviceId: "m" }, camera: { on: true, deviceId: null }, speaker: "s" },
  };
  const kept = storage();
  for (const key of ["settings", "recent", "devices"] as const) {
    kept.write(key, JSON.parse(JSON.stringify(toStored(memory, key))));
  }
  expect(recall(kept, ["en"])).toEqual(memory);
});

test.each([
  [undefined],
  [null],
  ["nonsense"],
  [7],
  [{ lang: 1, theme: {}, name: ["x"], server: "javascript:alert(1)", on: "yes", link: 3 }],
  [
    [
      { link: "javascript:alert(1)", lastAt: 1, people: [] },
      { link: "https://a.example/r/b", lastAt: "x" },
      null,
    ],
  ],
  [{ settings: null, microphone: 3, camera: { on: 1, deviceId: {} }, speaker: [] }],
])("what cannot be read is as good as absent: %j", (value) => {
  const read = recall(storage({ settings: value, recent: value, devices: value }), ["fr", "zh-Hans"]);
  expect(read).toEqual({
    settings: { lang: "zh-CN", theme: "system", name: "", server: null, sounds: true },
    recent: [],
    devices: {
      microphone: { on: true, deviceId: null },
      camera: { on: true, deviceId: null },
      speaker: null,
    },
  });
});

test("the latest room comes first, each once, and the oldest are let go", () => {
  let recent: Memory["recent"] = [];
  for (let i = 0; i < 20; i++) recent = remember(recent, room(`r${i % 15}`));
  expect(recent.map(({ link }) => link.roomId).slice(0, 3)).toEqual(["r4", "r3", "r2"]);
  expect(recent).toHaveLength(12);
  expect(forget(recent, room("r4").link)).toHaveLength(11);
});
