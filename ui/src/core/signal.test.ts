import { expect, test } from "vitest";
import type { ServerMessage } from "../generated/ServerMessage";
import { readSignal, toMessage } from "./signal";

test("a tutorial's client sends less, and is understood", () => {
  const read = (message: ServerMessage) =>
    message.type === "offer" || message.type === "candidate" ? readSignal(message) : null;
  expect(read({ type: "offer", from: "x", sdp: "v=0" })).toEqual({
    kind: "offer",
    sdp: "v=0",
    pc: null,
    to: null,
  });
  expect(read({ type: "candidate", from: "x", candidate: { candidate: "c", sdpMid: "0" } })).toEqual({
    kind: "candidate",
    candidate: { candidate: "c", sdpMid: "0", sdpMLineIndex: null },
    pc: null,
  });
  expect(toMessage({ kind: "candidate", candidate: { candidate: "c" }, pc: null }, "x")).toEqual({
    type: "candidate",
    candidate: { candidate: "c" },
    to: "x",
  });
});
