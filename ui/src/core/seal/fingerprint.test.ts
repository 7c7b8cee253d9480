import { expect, test } from "vitest";
import { fingerprintOf, readFingerprint } from "./fingerprint";

const hex = "0123456789abcdef".repeat(4);
const value = (hex.match(/../g) ?? []).join(":").toUpperCase();
const line = `a=fingerprint:sha-256 ${value}`;

test("the fingerprint of a description, said once or in each section", () => {
  expect(fingerprintOf(`v=0\r\n${line}\r\nm=audio\r\n`)).toBe(hex);
  expect(fingerprintOf(`v=0\r\nm=audio\r\n${line}\r\nm=video\r\n${line.toLowerCase()}\r\n`)).toBe(hex);
});

test.each([
  ["none", "v=0\r\n"],
  ["another hash", `v=0\r\n${line.replace("sha-256", "sha-1")}\r\n`],
  ["two certificates", `v=0\r\n${line}\r\nm=video\r\n${line.replace("01:23", "01:24")}\r\n`],
  ["one and a weaker one", `v=0\r\n${line}\r\na=fingerprint:sha-1 ${value}\r\n`],
  ["one and something like one", `v=0\r\n${line}\r\na=fingerprint sha-256 ${value}\r\n`],
  ["too short", `v=0\r\n${line.slice(0, -3)}\r\n`],
])("is not taken where there is %s", (_, sdp) => {
  expect(fingerprintOf(sdp)).toBeNull();
});

test("as a certificate tells it", () => {
  expect(readFingerprint("SHA-256", value)).toBe(hex);
  expect(readFingerprint("sha-512", value + value)).toBeNull();
});
