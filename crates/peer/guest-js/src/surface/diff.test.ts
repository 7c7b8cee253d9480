import { expect, test } from "vitest";
import type { Direction, Snapshot, TransceiverSnapshot } from "../wire";
import { diff, type Known } from "./diff";

function remote(direction: Direction, streams = ["s"]): { type: "offer"; sdp: string } {
  const msids = streams.map((stream) => `a=msid:${stream} t\r\n`).join("");
  return { type: "offer", sdp: `v=0\r\nm=video 9 X\r\na=mid:0\r\na=${direction}\r\n${msids}` };
}

function snapshot(changes: Partial<Snapshot>, line: Partial<TransceiverSnapshot> = {}): Snapshot {
  return {
    signalingState: "have-remote-offer",
    currentLocal: null,
    pendingLocal: null,
    currentRemote: null,
    pendingRemote: null,
    iceGatheringState: "new",
    sctp: null,
    transceivers: [
      {
        transceiver: 1,
        mid: "0",
        kind: "video",
        direction: "recvonly",
        currentDirection: null,
        stopped: false,
        streams: [],
        trackId: null,
        codecs: [],
        h264: null,
        rids: [],
        ssrcs: [],
        ...line,
      },
    ],
    ...changes,
  };
}

const known: Known = { number: 1, receiving: true, streams: ["s"] };

test("an offer that sends makes a transceiver, puts its track into streams and fires track", () => {
  const change = diff([], snapshot({ pendingRemote: remote("sendonly", ["s", "r"]) }));
  expect(change).toMatchObject({
    created: [{ number: 1, kind: "video" }],
    added: [
      { number: 1, stream: "s" },
      { number: 1, stream: "r" },
    ],
    tracks: [{ number: 1, streams: ["s", "r"] }],
  });
});

test("the same offer again changes nothing", () => {
  const change = diff([known], snapshot({ pendingRemote: remote("sendrecv") }));
  expect(change).toMatchObject({ created: [], muted: [], added: [], removed: [], tracks: [] });
});

test("a remote that stops sending mutes and takes the track out of its streams", () => {
  const change = diff([known], snapshot({ pendingRemote: remote("recvonly") }));
  expect(change).toMatchObject({ muted: [1], removed: [{ number: 1, stream: "s" }], tracks: [] });
});

test("a remote that sends again fires track again", () => {
  const silent = { ...known, receiving: false, streams: [] };
  expect(diff([silent], snapshot({ pendingRemote: remote("sendrecv") })).tracks).toEqual([
    { number: 1, streams: ["s"] },
  ]);
});

test("an answer of ours that does not receive mutes too", () => {
  const stable = snapshot(
    { signalingState: "stable", currentRemote: remote("sendrecv") },
    { currentDirection: "sendonly" },
  );
  expect(diff([known], stable).muted).toEqual([1]);
});

test("a track that moves to another stream is told of again", () => {
  const change = diff([known], snapshot({ pendingRemote: remote("sendrecv", ["r"]) }));
  expect(change).toMatchObject({
    removed: [{ number: 1, stream: "s" }],
    added: [{ number: 1, stream: "r" }],
    tracks: [{ number: 1, streams: ["r"] }],
  });
});

test("a rollback takes away what the offer made", () => {
  const change = diff([known], snapshot({ signalingState: "stable", transceivers: [] }));
  expect(change).toMatchObject({ vanished: [1], muted: [1], removed: [{ number: 1, stream: "s" }] });
});

test("a stopped transceiver receives nothing", () => {
  const stopped = snapshot({ currentRemote: remote("sendrecv") }, { stopped: true });
  expect(diff([known], stopped)).toMatchObject({ muted: [1], removed: [{ number: 1, stream: "s" }] });
});

test("a track whose stream is not named any more leaves it for one of its own", () => {
  const change = diff([known], snapshot({ pendingRemote: remote("sendrecv", []) }));
  expect(change.removed).toEqual([{ number: 1, stream: "s" }]);
  expect(change.added).toHaveLength(1);
});

test("a track that joins another stream is told of again", () => {
  const change = diff([known], snapshot({ pendingRemote: remote("sendrecv", ["s", "r"]) }));
  expect(change).toMatchObject({
    added: [{ number: 1, stream: "r" }],
    tracks: [{ number: 1, streams: ["s", "r"] }],
  });
});

test("what belongs to no stream it tells of belongs to one of its own, unless it belongs to none", () => {
  expect(diff([], snapshot({ pendingRemote: remote("sendrecv", []) })).tracks[0]?.streams).toHaveLength(1);
  expect(diff([], snapshot({ pendingRemote: remote("sendrecv", ["-"]) })).tracks).toEqual([
    { number: 1, streams: [] },
  ]);
});
