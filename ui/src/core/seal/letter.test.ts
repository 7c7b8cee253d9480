import { expect, test } from "vitest";
import { type Letter, readLetter, writeLetter } from "./letter";

const digest = "0a".repeat(32);
const letters: Letter[] = [
  { type: "hello", fingerprint: digest, commit: digest },
  { type: "reveal", nonce: "EREREREREREREREREREREQ" },
  { type: "state", name: "王小明 🦊", muted: ["audio"] },
  { type: "signal", signal: { kind: "offer", sdp: "v=0\r\n", pc: "a", to: null } },
  {
    type: "signal",
    signal: { kind: "candidates", candidates: [{ candidate: "c", sdpMid: "0", sdpMLineIndex: 0 }], pc: "a" },
  },
];

test.each(letters)("$type is read as it was written, and has a length that tells little", (letter) => {
  const text = writeLetter(letter);
  expect(readLetter(text)).toEqual(letter);
  expect(new TextEncoder().encode(text).length % 512).toBe(0);
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '{"type":"hello","fingerprint":"0A","commit":"0a"}',
  `{"type":"hello","fingerprint":"${digest}"}`,
  '{"type":"reveal","nonce":7}',
  '{"type":"reveal","nonce":"short"}',
  '{"type":"state","name":"Ann"}',
  '{"type":"signal"}',
  '{"type":"signal","signal":{"kind":"offer"}}',
  '{"type":"signal","signal":{"kind":"candidates","candidates":[{"candidate":"c"}]}}',
  '{"type":"tomorrow"}',
])("%s is no letter", (text) => {
  expect(readLetter(text)).toBeNull();
});

test("what is too long or unknown in a state is left out", () => {
  const text = JSON.stringify({ type: "state", name: "🦊".repeat(80), muted: ["audio", "smell", "audio"] });
  expect(readLetter(text)).toEqual({ type: "state", name: "🦊".repeat(64), muted: ["audio"] });
});
