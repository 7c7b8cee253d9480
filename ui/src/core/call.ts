/**
 * One call, from the first seat to the last. It hears the session and the media, and says what is to be done; what
 * a message means for the roster is decided here and nowhere else.
 */
import type { ClientMessage } from "../generated/ClientMessage";
import type { IceServer } from "../generated/IceServer";
import type { Joined } from "../generated/Joined";
import type { MediaKind } from "../generated/MediaKind";
import type { PeerInfo } from "../generated/PeerInfo";
import type { ServerMessage } from "../generated/ServerMessage";
import type { SessionEvent } from "../generated/SessionEvent";
import type { RoomLink } from "./link";
import type { MediaEvent } from "./ports";
import { hear, judge, type Quality, SILENT, type Voice } from "./quality";
import {
  arrive,
  byKey,
  bySeat,
  drop,
  expired,
  type Peer,
  put,
  type Roster,
  unseat,
  unseatAll,
} from "./roster";
import type { Opened } from "./seal/channel";
import { codeOf } from "./seal/code";
import * as sealed from "./seal/room";
import { type LinkSignal, readRelayed, toMessages } from "./signal";
import type { ConnectionView } from "./view-model";

export interface Call {
  readonly link: RoomLink;
  readonly joinId: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly connection: ConnectionView;
  readonly peers: Roster;
  readonly iceServers: readonly IceServer[];
  /** Null in a room without a key, where the server reads along. */
  readonly seal: sealed.SealedRoom | null;
  readonly voice: Voice;
  /** Of our microphone, 0 to 1; null while it is off. */
  readonly level: number | null;
  /** Who stands at the door of a room with a lobby, in the order of their coming; told to moderators. */
  readonly knocks: readonly Knock[];
  /** Names of all who were here, for the list of recent rooms. */
  readonly met: readonly string[];
  /** Seconds of each quality, over all links. */
  readonly seconds: Readonly<Record<Quality, number>>;
}

export interface Knock {
  readonly peerId: string;
  /** Empty for one who gave none. */
  readonly name: string;
}

export type CallEvent =
  /** To the first at the door. */
  | { readonly type: "answer-knock"; readonly admit: boolean }
  | {
      readonly type: "session";
      readonly event: SessionEvent;
      readonly aside: Aside | null;
      readonly now: number;
    }
  /** What this page sends has changed. */
  | { readonly type: "mutes"; readonly before: readonly MediaKind[] }
  | { readonly type: "code"; readonly gathered: string; readonly bytes: Uint8Array }
  | MediaEvent;

/** What was found out about an event of a sealed room on its way in. */
export type Aside =
  | { readonly is: "seat"; readonly seat: sealed.OwnSeat }
  /** Null when our key does not open it. */
  | { readonly is: "opened"; readonly opened: Opened | null };

/** How a sealed call begins. */
export interface Seated {
  readonly seat: sealed.OwnSeat;
  readonly name: string;
}

export type CallEffect =
  | sealed.SealEffect
  | { readonly do: "send"; readonly message: ClientMessage }
  | {
      readonly do: "open-link";
      readonly key: string;
      /** The later seat is the polite one, and the one that offers. */
      readonly polite: boolean;
      readonly offer: boolean;
      readonly iceServers: readonly IceServer[];
    }
  | {
      readonly do: "rebind-link";
      readonly key: string;
      readonly polite: boolean;
      /** The relay's credentials may be others now, and the relay itself. */
      readonly iceServers: readonly IceServer[];
    }
  | { readonly do: "signal"; readonly key: string; readonly signal: LinkSignal }
  | { readonly do: "close-link"; readonly key: string };

type Step = readonly [Call, readonly CallEffect[]];

/**
 * `muted`: the kinds that this page does not send now, told to the room with every fresh seat. `how` is null for a room
 * without a key, and for no other.
 */
export function startCall(
  link: RoomLink,
  joinId: string,
  joined: Joined,
  how: Seated | null,
  muted: readonly MediaKind[],
  now: number,
): Step {
  const call: Call = {
    link,
    joinId,
    since: now,
    connection: { is: "live" },
    peers: [],
    iceServers: joined.iceServers,
    seal: null,
    voice: SILENT,
    level: null,
    knocks: [],
    met: [],
    seconds: { good: 0, fair: 0, poor: 0 },
  };
  return how === null ? seated(call, joined, muted, now) : sealedSeat(call, joined, how, [], now);
}

export function updateCall(call: Call, event: CallEvent, muted: readonly MediaKind[]): Step {
  switch (event.type) {
    case "session":
      return onSession(call, event, muted);
    case "mutes":
      return tellMutes(call, event.before, muted);
    case "code": {
      if (call.seal === null) return [call, []];
      return [{ ...call, seal: sealed.withCode(call.seal, event.gathered, codeOf(event.bytes)) }, []];
    }
    case "answer-knock": {
      const [first, ...knocks] = call.knocks;
      if (first === undefined) return [call, []];
      const message = { type: event.admit ? "admit" : "deny", peerId: first.peerId } as const;
      return [{ ...call, knocks }, [{ do: "send", message }]];
    }
    case "link-signal": {
      const peer = byKey(call.peers, event.key);
      // Without a seat there is nowhere to send it; the rebinding repeats what matters.
      if (peer === undefined || peer.seat.is === "lost") return [call, []];
      if (call.seal !== null) return inRoom(call, sealed.signalTo(call.seal, peer.peerId, event.signal));
      return [call, toMessages(event.signal, peer.peerId).map((message) => ({ do: "send", message }))];
    }
    case "link-state":
      return [
        withMedia(call, event.key, (peer) => ({
          state: event.state,
          wasConnected: peer.media.wasConnected || event.state === "connected",
        })),
        [],
      ];
    case "link-streams":
      return [withMedia(call, event.key, () => ({ audio: event.audio, video: event.video })), []];
    case "samples":
      return sweep(sampled(call, event), event.now);
    case "levels": {
      const levels = new Map(event.remote.map(({ key, level }) => [key, level]));
      const peers = call.peers.map((peer) => {
        const voice = hear(peer.media.voice, levels.get(peer.key) ?? 0, event.now);
        return voice === peer.media.voice ? peer : { ...peer, media: { ...peer.media, voice } };
      });
      const voice = hear(call.voice, event.self ?? 0, event.now);
      // Nobody can be heard while our own line is down, and nobody is suspected for it.
      const live = call.connection.is === "live";
      const seal = call.seal !== null && live ? sealed.wait(call.seal, event.now) : call.seal;
      return [{ ...call, peers, seal, level: event.self, voice }, []];
    }
    case "device":
    case "choices":
    case "device-lost":
      return [call, []];
  }
}

/** What the whole call was like, in a word. */
export function overallQuality({ seconds }: Call): Quality {
  const total = seconds.good + seconds.fair + seconds.poor;
  if (total === 0) return "good";
  if (seconds.poor / total > 0.15) return "poor";
  return (seconds.poor + seconds.fair) / total > 0.15 ? "fair" : "good";
}

function onSession(
  call: Call,
  { event, aside, now }: Extract<CallEvent, { type: "session" }>,
  muted: readonly MediaKind[],
): Step {
  switch (event.type) {
    case "joined": {
      const live: Call = { ...call, connection: { is: "live" } };
      if (call.seal === null) return seated(live, event.joined, muted, now);
      // Without a session of its own a seat is of no use in a sealed room.
      if (aside?.is !== "seat") return [live, []];
      const how = { seat: aside.seat, name: call.seal.name };
      return sealedSeat(live, event.joined, how, call.seal.alarms, now);
    }
    case "resumed": {
      const seal = call.seal === null ? null : sealed.listenAnew(call.seal, now);
      return [{ ...call, seal, connection: { is: "live" } }, []];
    }
    case "connecting":
      return [
        call.connection.is === "live" ? { ...call, connection: { is: "reconnecting", retryAt: null } } : call,
        [],
      ];
    case "away":
      return [{ ...call, connection: { is: "reconnecting", retryAt: now + event.retryInMs } }, []];
    case "message":
      if (call.seal === null) return onMessage(call, event.message, now);
      return onSealedMessage(call, call.seal, event.message, aside, muted, now);
    // The seat was lost, and the new one has to be granted: the links live on meanwhile.
    case "waiting":
    // A signal that met nobody is repeated when its peer comes back; the room's own end is the app's business.
    case "settled":
    case "ended":
      return [call, []];
  }
}

/** A fresh seat, the first one or one after the server forgot us. Links outlive it: they are found by identity. */
function seated(call: Call, joined: Joined, muted: readonly MediaKind[], now: number): Step {
  const effects: CallEffect[] = muted.map((kind) => ({ do: "send", message: { type: "mute", kind } }));
  let next: Call = { ...call, iceServers: joined.iceServers, peers: unseatAll(call.peers, now), knocks: [] };
  for (const info of joined.peers) {
    const [after, more] = welcome(next, info, true);
    next = after;
    effects.push(...more);
  }
  return [next, effects];
}

function sealedSeat(
  call: Call,
  joined: Joined,
  { seat, name }: Seated,
  alarms: sealed.SealedRoom["alarms"],
  now: number,
): Step {
  const [seal, effects] = sealed.sit(seat, name, joined.peers, alarms, now);
  const peers = unseatAll(call.peers, now);
  return [{ ...call, iceServers: joined.iceServers, peers, seal, knocks: [] }, effects];
}

/** What the server says of seats is only a hint there: who sits on one is told by its letters, and by nothing else. */
function onSealedMessage(
  call: Call,
  seal: sealed.SealedRoom,
  message: ServerMessage,
  aside: Aside | null,
  muted: readonly MediaKind[],
  now: number,
): Step {
  switch (message.type) {
    case "peer-joined":
      return inRoom(call, sealed.meet(seal, message, false, now));
    case "peer-left": {
      const [parted, effects] = inRoom(call, sealed.part(seal, message.peerId));
      const [left, more] = onMessage(parted, message, now);
      return [left, [...effects, ...more]];
    }
    case "peer-away":
    case "peer-back": {
      const away = message.type === "peer-away";
      return onMessage({ ...call, seal: sealed.presence(seal, message.peerId, away, now) }, message, now);
    }
    case "message": {
      const opened = aside?.is === "opened" ? aside.opened : null;
      const [room, effects, news] = sealed.hear(seal, message.from, message.data, opened, muted);
      const [told, more] = onNews({ ...call, seal: room }, news);
      return [told, [...effects, ...more]];
    }
    case "mute":
      // A moderator's wish is the app's business.
      return message.to === undefined ? inClear(call, seal, message.from) : [call, []];
    case "unmute":
    case "offer":
    case "answer":
    case "candidate":
      return inClear(call, seal, message.from);
    case "joined":
    case "resumed":
    case "waiting":
    case "denied":
    case "full":
    case "locked":
    case "kicked":
    case "left":
    case "ended":
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "role":
    case "lock":
    case "unlock":
    case "knock":
    case "knock-gone":
    case "pong":
    case "ack":
    case "error":
    case "ready":
      return onMessage(call, message, now);
  }
}

function inRoom(call: Call, [seal, effects]: sealed.Step): Step {
  return [seal === call.seal ? call : { ...call, seal }, effects];
}

function inClear(call: Call, seal: sealed.SealedRoom, from: string): Step {
  return [{ ...call, seal: sealed.hearClear(seal, from) }, []];
}

function onNews(call: Call, news: sealed.News | null): Step {
  switch (news?.is) {
    case undefined:
      return [call, []];
    case "signal": {
      const peer = bySeat(call.peers, news.seat);
      return [call, peer === undefined ? [] : [{ do: "signal", key: peer.key, signal: news.signal }]];
    }
    case "state": {
      const { seat, earlier, away, fingerprint, name, muted } = news;
      if (!news.first) return [withPeer(call, seat, () => ({ name, muted })), []];
      // The certificate is the identity: no two pages have the same, and media flows to nobody else.
      const info: PeerInfo = {
        peerId: seat,
        identity: fingerprint,
        name,
        role: "member",
        away,
        muted: [...muted],
      };
      return welcome(call, info, earlier);
    }
  }
}

/** A fresh seat tells all its mutes itself; this is about changes within a call. */
function tellMutes(call: Call, before: readonly MediaKind[], now: readonly MediaKind[]): Step {
  if (call.seal !== null) return inRoom(call, sealed.tellState(call.seal, now));
  const send = (type: "mute" | "unmute") => (kind: MediaKind) =>
    ({ do: "send", message: { type, kind } }) as const;
  return [
    call,
    [
      ...now.filter((kind) => !before.includes(kind)).map(send("mute")),
      ...before.filter((kind) => !now.includes(kind)).map(send("unmute")),
    ],
  ];
}

function welcome(call: Call, info: PeerInfo, polite: boolean): Step {
  const { roster, arrival } = arrive(call.peers, info);
  const { key, name } = arrival.peer;
  const met = name === "" || call.met.includes(name) ? call.met : [...call.met, name].slice(-MET);
  const next = { ...call, peers: roster, met };
  switch (arrival.how) {
    case "new":
      return [next, [{ do: "open-link", key, polite, offer: polite, iceServers: call.iceServers }]];
    case "rebound":
      return [next, [{ do: "rebind-link", key, polite, iceServers: call.iceServers }]];
    case "known":
      return [next, []];
  }
}

const MET = 12;
/** More than anybody reads; the server has a limit of its own. */
const KNOCKS = 64;

function onMessage(call: Call, message: ServerMessage, now: number): Step {
  switch (message.type) {
    case "peer-joined":
      return welcome(call, message, false);
    case "peer-left": {
      const peer = bySeat(call.peers, message.peerId);
      if (peer === undefined) return [call, []];
      // Only its signaling is known to be gone: while its media flows, it is still here.
      if (message.reason === "timeout") return [{ ...call, peers: put(call.peers, unseat(peer, now)) }, []];
      return [{ ...call, peers: drop(call.peers, peer.key) }, [{ do: "close-link", key: peer.key }]];
    }
    case "peer-away":
      return [withPeer(call, message.peerId, () => ({ seat: { is: "away" } })), []];
    case "peer-back":
      return [withPeer(call, message.peerId, () => ({ seat: { is: "here" } })), []];
    case "knock": {
      const others = call.knocks.filter(({ peerId }) => peerId !== message.peerId);
      const knock = { peerId: message.peerId, name: message.name ?? "" };
      return [{ ...call, knocks: [...others, knock].slice(0, KNOCKS) }, []];
    }
    case "knock-gone":
      return [{ ...call, knocks: call.knocks.filter(({ peerId }) => peerId !== message.peerId) }, []];
    case "mute":
      // With `to` it is a wish, and the app's business.
      if (message.to !== undefined) return [call, []];
      return [
        withPeer(call, message.from, ({ muted }) => ({
          muted: [...muted.filter((kind) => kind !== message.kind), message.kind],
        })),
        [],
      ];
    case "unmute":
      return [
        withPeer(call, message.from, ({ muted }) => ({
          muted: muted.filter((kind) => kind !== message.kind),
        })),
        [],
      ];
    case "offer":
    case "answer":
    case "candidate": {
      const peer = bySeat(call.peers, message.from);
      const signal = readRelayed(message);
      return [call, peer === undefined || signal === null ? [] : [{ do: "signal", key: peer.key, signal }]];
    }
    // `joined` to `ended` are events of their own; the rest is not for the roster.
    case "joined":
    case "resumed":
    case "waiting":
    case "denied":
    case "full":
    case "locked":
    case "kicked":
    case "left":
    case "ended":
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "role":
    case "lock":
    case "unlock":
    case "pong":
    case "ack":
    case "error":
    case "ready":
    case "message":
      return [call, []];
  }
}

function sampled(call: Call, event: Extract<MediaEvent, { type: "samples" }>): Call {
  const seconds = { ...call.seconds };
  let next = call;
  for (const sample of event.samples) {
    next = withMedia(next, sample.key, (peer) => {
      const quality = judge(peer.media.quality, sample);
      seconds[quality.shown] += 1;
      return { quality };
    });
  }
  return { ...next, seconds };
}

function sweep(call: Call, now: number): Step {
  const gone = expired(call.peers, now);
  if (gone.length === 0) return [call, []];
  return [
    { ...call, peers: call.peers.filter((peer) => !gone.includes(peer)) },
    gone.map(({ key }) => ({ do: "close-link", key })),
  ];
}

function withPeer(call: Call, peerId: string, change: (peer: Peer) => Partial<Peer>): Call {
  const peer = bySeat(call.peers, peerId);
  return peer === undefined ? call : { ...call, peers: put(call.peers, { ...peer, ...change(peer) }) };
}

function withMedia(call: Call, key: string, change: (peer: Peer) => Partial<Peer["media"]>): Call {
  const peer = byKey(call.peers, key);
  if (peer === undefined) return call;
  return { ...call, peers: put(call.peers, { ...peer, media: { ...peer.media, ...change(peer) } }) };
}
