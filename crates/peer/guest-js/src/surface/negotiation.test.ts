import { expect, test } from "vitest";
import type { Description, Direction } from "../wire";
import { type NegotiationView, negotiationNeeded } from "./negotiation";

function description(type: RTCSdpType, ...sections: [string, Direction][]): Description {
  const sdp = sections.map(([kind, direction], mid) => `m=${kind} 9 X\r\na=mid:${mid}\r\na=${direction}\r\n`);
  return { type, sdp: `v=0\r\n${sdp.join("")}` };
}

const idle: NegotiationView = {
  currentLocal: null,
  currentRemote: null,
  replacing: false,
  hasChannels: false,
  transceivers: [],
};

const line = (direction: Direction, mid: string | null = "0") => ({
  mid,
  stopping: false,
  stopped: false,
  direction,
  streams: [] as string[],
  advertised: [] as string[],
});

const agreed: NegotiationView = {
  ...idle,
  currentLocal: description("offer", ["video", "sendrecv"]),
  currentRemote: description("answer", ["video", "sendrecv"]),
  transceivers: [line("sendrecv")],
};

test("not for an empty connection, nor for one that has agreed", () => {
  expect(negotiationNeeded(idle)).toBe(false);
  expect(negotiationNeeded(agreed)).toBe(false);
});

test("for new ICE credentials", () => {
  expect(negotiationNeeded({ ...agreed, replacing: true })).toBe(true);
});

test("for the first data channel only", () => {
  expect(negotiationNeeded({ ...agreed, hasChannels: true })).toBe(true);
  const currentLocal = description("offer", ["video", "sendrecv"], ["application", "sendrecv"]);
  expect(negotiationNeeded({ ...agreed, currentLocal, hasChannels: true })).toBe(false);
});

test("for a transceiver that no description knows", () => {
  expect(negotiationNeeded({ ...agreed, transceivers: [line("sendrecv"), line("recvonly", null)] })).toBe(
    true,
  );
});

test("for a stopping transceiver until it has stopped", () => {
  expect(negotiationNeeded({ ...agreed, transceivers: [{ ...line("sendrecv"), stopping: true }] })).toBe(
    true,
  );
  const stopped = { ...line("sendrecv"), stopping: true, stopped: true };
  expect(negotiationNeeded({ ...agreed, transceivers: [stopped] })).toBe(false);
});

test("for streams that the other end has not been told", () => {
  const changed = { ...line("sendrecv"), streams: ["new"] };
  expect(negotiationNeeded({ ...agreed, transceivers: [changed] })).toBe(true);
  expect(negotiationNeeded({ ...agreed, transceivers: [{ ...changed, advertised: ["new"] }] })).toBe(false);
  expect(negotiationNeeded({ ...agreed, transceivers: [{ ...changed, direction: "recvonly" }] })).toBe(true);
});

test("for a direction that neither our offer nor its answer has", () => {
  expect(negotiationNeeded({ ...agreed, transceivers: [line("sendonly")] })).toBe(true);
  // The answer took what it could: asking again would not change it.
  const currentRemote = description("answer", ["video", "recvonly"]);
  expect(negotiationNeeded({ ...agreed, currentRemote })).toBe(false);
  expect(negotiationNeeded({ ...agreed, currentRemote, transceivers: [line("sendonly")] })).toBe(false);
});

test("not for what our answer could not have said", () => {
  const answered: NegotiationView = {
    ...agreed,
    currentLocal: description("answer", ["video", "recvonly"]),
    currentRemote: description("offer", ["video", "sendonly"]),
  };
  expect(negotiationNeeded(answered)).toBe(false);
  expect(negotiationNeeded({ ...answered, transceivers: [line("inactive")] })).toBe(true);
});
