import { describe, expect, test } from "vitest";
import {
  dictionary,
  enumeration,
  expose,
  needs,
  nullable,
  octetEnforced,
  scalars,
  sequence,
  string,
  unsignedShort,
} from "./idl";

describe("conversions", () => {
  test("integers wrap or are refused", () => {
    expect([-1, 65_536, "7", Number.NaN, 1.9].map((value) => unsignedShort(value, "x"))).toEqual([
      65_535, 0, 7, 0, 1,
    ]);
    expect(octetEnforced(255.5, "x")).toBe(255);
    for (const value of [-1, 256, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => octetEnforced(value, "x")).toThrow(TypeError);
  });

  test("strings", () => {
    expect(scalars("a\ud800b\ud83d\ude00", "x")).toBe("a\ufffdb\ud83d\ude00");
    expect(string(null, "x")).toBe("null");
    expect(() => string(Symbol("s"), "x")).toThrow(TypeError);
    expect(() => enumeration("a", "b")("c", "x")).toThrow(TypeError);
  });

  test("sequences are iterable objects", () => {
    expect(sequence(string)(new Set([1, 2]), "x")).toEqual(["1", "2"]);
    for (const value of [null, "text", {}]) expect(() => sequence(string)(value, "x")).toThrow(TypeError);
  });

  test("dictionaries read their members in order, with defaults", () => {
    const read: string[] = [];
    const type = dictionary<{ b: string; a?: string; c?: string | null }>({
      b: { type: string, required: true },
      a: { type: string, standard: "one" },
      c: { type: nullable(string) },
    });
    const given = new Proxy(
      { b: 2, c: null },
      {
        get: (of, key) => {
          read.push(String(key));
          return Reflect.get(of, key);
        },
      },
    );
    expect(type(given, "x")).toEqual({ a: "one", b: "2", c: null });
    expect(read).toEqual(["a", "b", "c"]);
    for (const value of [undefined, {}, 5]) expect(() => type(value, "x")).toThrow(TypeError);
  });
});

test("an exposed class looks like an interface", () => {
  class Local {
    static make() {}
    get value() {
      return 1;
    }
    act(one: string, other: string) {
      // biome-ignore lint/complexity/noArguments: their number is what matters.
      needs(arguments, 1);
      return one + other;
    }
  }
  expose(Local, "RTCLocal", 1, { act: 1 });
  expect(Object.keys(Local.prototype)).toEqual(["value", "act"]);
  expect(Object.keys(Local)).toEqual(["make"]);
  expect([Local.name, Local.length, Local.prototype.act.length]).toEqual(["RTCLocal", 1, 1]);
  expect(String(new Local())).toBe("[object RTCLocal]");
});
