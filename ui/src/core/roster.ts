/**
 * Who is in the call. One `Peer` is one remote page: it keeps its `key`, its tile and its media link when it comes back
 * on another seat, as all do after the server was started anew.
 *
 * ```text
 *            peer-away            joined without it, peer-left: timeout
 *   here  ------------>  away  -----------------------------------------> lost { at }
 *    ^  <------------     |                                                  |
 *    |     peer-back      |         peer-joined, joined: same identity       |
 *    +--------------------+--------------------------------------------------+
 * ```
 * `lost` ends with the media: the page on the other side may still send and be heard.
 */
import type { MediaKind } from "../generated/MediaKind";
import type { PeerInfo } from "../generated/PeerInfo";
import type { LinkState, StreamHandle } from "./ports";
import { type QualityTrend, SILENT, STEADY, type Voice } from "./quality";

export interface Peer {
  /** The peerId it was first seen under, or one made from it: never replaced, and nobody else's. */
  readonly key: string;
  readonly peerId: string;
  readonly identity: string;
  readonly name: string;
  readonly seat: Seat;
  readonly muted: readonly MediaKind[];
  readonly media: PeerMedia;
}

export type Seat =
  | { readonly is: "here" }
  | { readonly is: "away" }
  /** No seat in this room any more, at least not one that we know of. `at`: milliseconds since the epoch. */
  | { readonly is: "lost"; readonly at: number };

export interface PeerMedia {
  readonly state: LinkState;
  readonly wasConnected: boolean;
  readonly audio: StreamHandle | null;
  readonly video: StreamHandle | null;
  readonly quality: QualityTrend;
  readonly voice: Voice;
}

export type Roster = readonly Peer[];

/** How one who comes in is to be linked. */
export type Arrival =
  | { readonly how: "new"; readonly peer: Peer }
  /** The same page on a new seat. */
  | { readonly how: "rebound"; readonly peer: Peer }
  /** Seated already. */
  | { readonly how: "known"; readonly peer: Peer };

export function arrive(roster: Roster, info: PeerInfo): { roster: Roster; arrival: Arrival } {
  const seat: Seat = info.away ? { is: "away" } : { is: "here" };
  const told = { peerId: info.peerId, name: info.name ?? "", muted: info.muted, seat };
  const seated = bySeat(roster, info.peerId);
  if (seated !== undefined) {
    const peer = { ...seated, ...told };
    return { roster: put(roster, peer), arrival: { how: "known", peer } };
  }
  // Whoever still sits is somebody else, whatever identity the newcomer claims.
  const former = roster.find((peer) => peer.identity === info.identity && peer.seat.is !== "here");
  if (former !== undefined) {
    const peer = { ...former, ...told };
    return { roster: put(roster, peer), arrival: { how: "rebound", peer } };
  }
  const peer: Peer = {
    ...told,
    key: freeKey(roster, info.peerId),
    identity: info.identity,
    media: { state: "new", wasConnected: false, audio: null, video: null, quality: STEADY, voice: SILENT },
  };
  return { roster: [...roster, peer], arrival: { how: "new", peer } };
}

/** A server that gives a seat's name away twice shall not mix two people up. */
function freeKey(roster: Roster, peerId: string): string {
  let key = peerId;
  for (let n = 2; byKey(roster, key) !== undefined; n += 1) key = `${peerId} ${n}`;
  return key;
}

/** A fresh seat of our own: all others are lost until they are named again. */
export function unseatAll(roster: Roster, now: number): Roster {
  return roster.map((peer) => unseat(peer, now));
}

export function unseat(peer: Peer, now: number): Peer {
  return peer.seat.is === "lost" ? peer : { ...peer, seat: { is: "lost", at: now } };
}

/** Lost ones whose media is gone too. After a restart the media gets as long as the others need to come back. */
export function expired(roster: Roster, now: number): Roster {
  return roster.filter(
    ({ seat, media }) => seat.is === "lost" && now - seat.at > LOST_MS && media.state !== "connected",
  );
}

export const LOST_MS = 30_000;

export function bySeat(roster: Roster, peerId: string): Peer | undefined {
  return roster.find((peer) => peer.peerId === peerId && peer.seat.is !== "lost");
}

export function byKey(roster: Roster, key: string): Peer | undefined {
  return roster.find((peer) => peer.key === key);
}

export function put(roster: Roster, peer: Peer): Roster {
  return roster.map((other) => (other.key === peer.key ? peer : other));
}

export function drop(roster: Roster, key: string): Roster {
  return roster.filter((peer) => peer.key !== key);
}
