import { expect, test } from "vitest";
import { chimeOf } from "./chime";
import type { LinkState } from "./ports";
import { arrive, type Roster } from "./roster";

function roster(states: Record<string, LinkState>, wasConnected = true): Roster {
  let all: Roster = [];
  for (const [peerId, state] of Object.entries(states)) {
    all = arrive(all, { peerId, identity: peerId, muted: [], away: false } as never).roster;
    all = all.map((peer) =>
      peer.key === peerId ? { ...peer, media: { ...peer.media, state, wasConnected } } : peer,
    );
  }
  return all;
}

const fine = roster({ ann: "connected", ben: "connected" });
const one = roster({ ann: "disconnected", ben: "connected" });
const both = roster({ ann: "disconnected", ben: "failed" });

test("the first who is lost is heard, and those after in the same trouble are not", () => {
  expect(chimeOf(fine, one)).toBe("lost");
  expect(chimeOf(fine, both)).toBe("lost");
  expect(chimeOf(one, both)).toBeNull();
});

test("all being back is heard, some is not", () => {
  expect(chimeOf(both, one)).toBeNull();
  expect(chimeOf(one, fine)).toBe("back");
  expect(chimeOf(both, fine)).toBe("back");
  expect(chimeOf(fine, fine)).toBeNull();
});

test("coming, connecting for the first time, and leaving make no sound", () => {
  const fresh = roster({ ann: "new", ben: "failed" }, false);
  expect(chimeOf([], fresh)).toBeNull();
  expect(chimeOf(fresh, fine)).toBeNull();
  expect(chimeOf(fine, roster({ ann: "connected" }))).toBeNull();
  expect(chimeOf(one, roster({ ben: "connected" }))).toBeNull();
});
