import { describe, expect, test } from "vitest";
import examples from "../../../tests/scenarios/links.json" with { type: "json" };
import { formatLink, formatOwnLink, makeLink, parseLink, parseServer, RANDOM_BYTES } from "./link";

interface Valid {
  input: string;
  defaultServer?: string;
  server: string;
  roomId: string;
  secret: string | null;
  token?: string;
}

describe("links that are read", () => {
  test.each(examples.valid as Valid[])("$input", ({ input, defaultServer, ...value }) => {
    expect(parseLink(input, defaultServer ?? null)).toEqual({ ok: true, value });
  });

  test.each(examples.valid as Valid[])(
    "$input can be kept and read again",
    ({ input, defaultServer, ...value }) => {
      expect(parseLink(formatOwnLink(value), null)).toEqual({ ok: true, value });
    },
  );
});

test.each(examples.invalid)("refuses $input", ({ input, problem }) => {
  expect(parseLink(input, null)).toEqual({ ok: false, problem });
});

test("a new room has a code to say aloud and a secret, and its link is read back", () => {
  const link = makeLink("https://snug.example", crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)));
  expect(link.roomId).toMatch(/^[a-hjkmnp-z]{3}-[a-hjkmnp-z]{4}-[a-hjkmnp-z]{3}$/);
  expect(parseLink(formatLink(link), null)).toEqual({ ok: true, value: link });
});

test("what is one person's own is not given away", () => {
  const link = { server: "https://snug.example", roomId: "tea", secret: null, token: "a.b.c" };
  expect(formatLink(link)).toBe("https://snug.example/r/tea");
  expect(formatOwnLink(link)).toBe("https://snug.example/r/tea#token=a.b.c");
});

test("too little randomness makes no room", () => {
  expect(() => makeLink("https://snug.example", new Uint8Array(RANDOM_BYTES - 1))).toThrow(RangeError);
});

test.each([
  ["snug.example", "https://snug.example"],
  ["https://snug.example/", "https://snug.example"],
  [" 192.168.1.5:7000 ", "http://192.168.1.5:7000"],
  ["http://snug.example:8080", "http://snug.example:8080"],
])("the server %s", (input, value) => {
  expect(parseServer(input)).toEqual({ ok: true, value });
});

test.each([
  ["", "empty"],
  ["javascript:alert(1)", "scheme"],
  ["https://user@snug.example", "host"],
  ["https://snug.example/somewhere", "path"],
  ["not a server", "host"],
])("no server: %s", (input, problem) => {
  expect(parseServer(input)).toEqual({ ok: false, problem });
});
