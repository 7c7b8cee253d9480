import { expect, test } from "vitest";
import type { ServerMessage } from "../generated/ServerMessage";
import { readRelayed, toMessages } from "./signal";

test("a tutorial's client sends less, and is understood", () => {
  const read = (message: ServerMessage) =>
    message.type === "offer" || message.type === "candidate" ? readRelayed(message) : null;
  expect(read({ type: "offer", from: "x", sdp: "v=0" })).toEqual({
    kind: "offer",
    sdp: "v=0",
    pc: null,
    to: null,
  });
  expect(read({ type: "candidate", from: "x", candidate: { candidate: "c", sdpMid: "0" } })).toEqual({
    kind: "candidates",
    candidates: [{ candidate: "c", sdpMid: "0", sdpMLineIndex: null }],
    pc: null,
  });
});

test("to such a client each candidate goes by itself", () => {
  const candidates = [{ candidate: "c" }, { candidate: "d" }];
  expect(toMessages({ kind: "candidates", candidates, pc: "mine" }, "x")).toEqual([
    { type: "candidate", candidate: { candidate: "c", pc: "mine" }, to: "x" },
    { type: "candidate", candidate: { candidate: "d", pc: "mine" }, to: "x" },
  ]);
});
