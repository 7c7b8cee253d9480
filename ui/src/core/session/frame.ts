import type { ErrorCode } from "../../generated/ErrorCode";
import type { IceServer } from "../../generated/IceServer";
import type { Joined } from "../../generated/Joined";
import type { LeaveReason } from "../../generated/LeaveReason";
import type { MediaKind } from "../../generated/MediaKind";
import type { PeerInfo } from "../../generated/PeerInfo";
import type { Role } from "../../generated/Role";
import type { ServerMessage } from "../../generated/ServerMessage";
import type { Topology } from "../../generated/Topology";
import type { TrackInfo } from "../../generated/TrackInfo";

/** One text frame of the server, as far as it can be understood. */
export type Frame =
  | { readonly is: "known"; readonly message: ServerMessage }
  /** A type that only a newer server has. Both ends count it, and that is all. */
  | { readonly is: "unknown" }
  /** Not of this protocol. `sequenced` when its type, if nothing else, says that the server counted it. */
  | { readonly is: "malformed"; readonly sequenced: boolean };

/** As strict as `ServerMessage::parse` in crates/protocol, and like it blind to fields that it does not know. */
export function readFrame(text: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { is: "malformed", sequenced: false };
  }
  const type = isRecord(value) ? value.type : undefined;
  if (!isRecord(value) || typeof type !== "string") return { is: "malformed", sequenced: false };
  if (!isKnown(type)) return { is: "unknown" };
  try {
    return { is: "known", message: bodies[type](value) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { is: "malformed", sequenced: !(type in unsequenced) };
  }
}

class Malformed extends Error {}

type Fields = Record<string, unknown>;
type Type = ServerMessage["type"];

const unsequenced = { ack: true, error: true, pong: true, resumed: true };

const bodies: { [T in Type]: (f: Fields) => Extract<ServerMessage, { type: T }> } = {
  joined: (f) => ({ type: "joined", ...joined(f) }),
  resumed: (f) => ({
    type: "resumed",
    peerId: text(f.peerId),
    seq: count(f.seq),
    replayed: small(f.replayed),
    resumeToken: text(f.resumeToken),
  }),
  "peer-joined": (f) => ({ type: "peer-joined", ...peer(f) }),
  "peer-left": (f) => ({
    type: "peer-left",
    peerId: text(f.peerId),
    identity: text(f.identity),
    reason: oneOf(leaveReasons, f.reason),
  }),
  "peer-away": (f) => ({ type: "peer-away", peerId: text(f.peerId) }),
  "peer-back": (f) => ({ type: "peer-back", peerId: text(f.peerId) }),
  ready: (f) => ({ type: "ready", isInitiator: flag(f.isInitiator) }),
  offer: (f) => ({ type: "offer", from: text(f.from), sdp: there(f, "sdp") }),
  answer: (f) => ({ type: "answer", from: text(f.from), sdp: there(f, "sdp") }),
  candidate: (f) => ({ type: "candidate", from: text(f.from), candidate: there(f, "candidate") }),
  message: (f) => ({ type: "message", from: text(f.from), data: there(f, "data") }),
  mute: (f) => ({
    type: "mute",
    from: text(f.from),
    kind: oneOf(kinds, f.kind),
    ...maybe("to", f.to, text),
  }),
  unmute: (f) => ({ type: "unmute", from: text(f.from), kind: oneOf(kinds, f.kind) }),
  publish: (f) => ({ type: "publish", from: text(f.from), ...track(f) }),
  unpublish: (f) => ({ type: "unpublish", from: text(f.from), trackId: text(f.trackId) }),
  subscribe: (f) => ({ type: "subscribe", from: text(f.from), trackId: text(f.trackId) }),
  unsubscribe: (f) => ({ type: "unsubscribe", from: text(f.from), trackId: text(f.trackId) }),
  role: (f) => ({ type: "role", peerId: text(f.peerId), role: oneOf(roles, f.role) }),
  lock: (f) => ({ type: "lock", from: text(f.from) }),
  unlock: (f) => ({ type: "unlock", from: text(f.from) }),
  knock: (f) => ({
    type: "knock",
    peerId: text(f.peerId),
    identity: text(f.identity),
    ...maybe("name", f.name, text),
  }),
  "knock-gone": (f) => ({ type: "knock-gone", peerId: text(f.peerId) }),
  waiting: (f) => ({
    type: "waiting",
    roomId: text(f.roomId),
    peerId: text(f.peerId),
    heartbeatMs: count(f.heartbeatMs),
  }),
  denied: (f) => ({ type: "denied", roomId: text(f.roomId), ...maybe("reason", f.reason, text) }),
  full: (f) => ({ type: "full", roomId: text(f.roomId), capacity: small(f.capacity) }),
  locked: (f) => ({ type: "locked", roomId: text(f.roomId) }),
  kicked: (f) => ({ type: "kicked", ...maybe("reason", f.reason, text) }),
  left: () => ({ type: "left" }),
  ended: (f) => ({ type: "ended", reason: text(f.reason) }),
  pong: (f) => ({ type: "pong", seq: count(f.seq) }),
  ack: (f) => ({ type: "ack", id: count(f.id), delivered: small(f.delivered), queued: small(f.queued) }),
  error: (f) => ({
    type: "error",
    ...maybe("id", f.id, count),
    code: oneOf(codes, f.code),
    message: text(f.message),
    ...maybe("retryAfterMs", f.retryAfterMs, count),
  }),
};

function joined(f: Fields): Joined {
  return {
    peerId: text(f.peerId),
    roomId: text(f.roomId),
    identity: text(f.identity),
    ...maybe("name", f.name, text),
    role: oneOf(roles, f.role),
    peers: list(f.peers, (each) => peer(record(each))),
    resumeToken: text(f.resumeToken),
    graceMs: count(f.graceMs),
    heartbeatMs: count(f.heartbeatMs),
    iceServers: list(f.iceServers, (each) => iceServer(record(each))),
    topology: oneOf(topologies, f.topology),
    capacity: small(f.capacity),
    locked: flag(f.locked),
    seq: count(f.seq),
    protocol: small(f.protocol),
  };
}

function peer(f: Fields): PeerInfo {
  return {
    peerId: text(f.peerId),
    identity: text(f.identity),
    ...maybe("name", f.name, text),
    role: oneOf(roles, f.role),
    away: f.away === undefined ? false : flag(f.away),
    muted: f.muted === undefined ? [] : list(f.muted, (each) => oneOf(kinds, each)),
    ...tracksOf(f.tracks),
  };
}

/** Absent where there are none, as the server writes it. */
function tracksOf(value: unknown): { tracks?: TrackInfo[] } {
  if (value === undefined) return {};
  const tracks = list(value, (each) => track(record(each)));
  return tracks.length === 0 ? {} : { tracks };
}

function track(f: Fields): TrackInfo {
  return { trackId: text(f.trackId), kind: oneOf(kinds, f.kind), ...maybe("source", f.source, text) };
}

function iceServer(f: Fields): IceServer {
  return {
    urls: list(f.urls, text),
    ...maybe("username", f.username, text),
    ...maybe("credential", f.credential, text),
  };
}

// Records, so that the compiler misses the word that the protocol gains.
const kinds: Record<MediaKind, true> = { audio: true, video: true, screen: true };
const roles: Record<Role, true> = { moderator: true, member: true };
const topologies: Record<Topology, true> = { mesh: true, sfu: true };
const leaveReasons: Record<LeaveReason, true> = { left: true, timeout: true, kicked: true, ended: true };
const codes: Record<ErrorCode, true> = {
  "bad-json": true,
  "bad-message": true,
  "too-large": true,
  "rate-limited": true,
  "not-joined": true,
  "no-such-peer": true,
  forbidden: true,
  "room-full": true,
  "room-locked": true,
  version: true,
  unavailable: true,
  internal: true,
  unauthorized: true,
  "token-expired": true,
  "token-not-yet-valid": true,
  "token-wrong-room": true,
  "token-bad-algorithm": true,
  "token-bad-signature": true,
  "token-unknown-key": true,
  "token-too-large": true,
  "token-identity": true,
};

function isKnown(type: string): type is Type {
  return Object.hasOwn(bodies, type);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function record(value: unknown): Fields {
  if (!isRecord(value)) throw new Malformed("an object");
  return value;
}

function list<T>(value: unknown, each: (value: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new Malformed("an array");
  return value.map(each);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Malformed("a string");
  return value;
}

function flag(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Malformed("a boolean");
  return value;
}

/** A number that counts for as long as a session lives. */
function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Malformed("a count");
  return value;
}

/** A number of 32 bits. */
function small(value: unknown): number {
  const counted = count(value);
  if (counted > 0xffffffff) throw new Malformed("a small count");
  return counted;
}

function oneOf<T extends string>(words: Record<T, true>, value: unknown): T {
  if (typeof value !== "string" || !Object.hasOwn(words, value)) throw new Malformed("a known word");
  return value as T;
}

function there(fields: Fields, name: string): unknown {
  if (!Object.hasOwn(fields, name)) throw new Malformed(name);
  return fields[name];
}

function maybe<N extends string, T>(name: N, value: unknown, read: (value: unknown) => T): { [K in N]?: T } {
  if (value === undefined || value === null) return {};
  return { [name]: read(value) } as { [K in N]: T };
}
