/**
 * A sealed room as one of those in it sees it: our own seat's session, a channel to each other seat, and what was wrong.
 * Whoever has not shown the key is in nobody's roster here, and nothing but a hello is ever sent to it.
 */
import type { MediaKind } from "../../generated/MediaKind";
import type { LinkSignal } from "../signal";
import {
  type Alarm,
  type Channel,
  hear as hearIn,
  keyless,
  meet as meetIn,
  type Opened,
  present,
  proven,
  type Result,
  say,
  waitedFor,
} from "./channel";
import { gather, type RoomCode } from "./code";
import { claimsToBeSealed, type Header, readEnvelope } from "./envelope";
import { fingerprintOf } from "./fingerprint";
import { type Letter, writeLetter } from "./letter";

export interface SealedRoom {
  readonly own: OwnSeat;
  readonly name: string;
  readonly channels: readonly Channel[];
  /** What was wrong in this call, each thing once, in the order of its coming. */
  readonly alarms: readonly Alarm[];
  /** What the code is to be made of; empty while nobody else is here. */
  readonly gathered: string;
  /** Null until it is made. */
  readonly code: RoomCode | null;
}

/** Ours, made anew with each seat. */
export interface OwnSeat {
  readonly peerId: string;
  readonly s: string;
  readonly nonce: string;
  /** SHA-256 of our `reveal`, in lower-case hexadecimal. */
  readonly commit: string;
  /** Of the certificate that all our links use. */
  readonly fingerprint: string;
}

export type SealEffect =
  /** To be sealed, and sent as a message to `header.to`. */
  | { readonly do: "seal"; readonly header: Header; readonly text: string }
  /** The code's bytes are wanted. */
  | { readonly do: "make-code"; readonly gathered: string };

/** What the call is to make of it. */
export type News =
  | {
      readonly is: "state";
      readonly seat: string;
      /** It has just shown that it has the key. */
      readonly first: boolean;
      readonly earlier: boolean;
      readonly away: boolean;
      readonly fingerprint: string;
      readonly name: string;
      readonly muted: readonly MediaKind[];
    }
  | { readonly is: "signal"; readonly seat: string; readonly signal: LinkSignal };

export type Step = readonly [SealedRoom, readonly SealEffect[]];

export interface Met {
  readonly peerId: string;
  readonly away: boolean;
}

/** A fresh seat: nobody's session of before is worth anything on it. */
export function sit(
  own: OwnSeat,
  name: string,
  others: readonly Met[],
  alarms: readonly Alarm[],
  now: number,
): Step {
  const room: SealedRoom = { own, name, channels: [], alarms, gathered: "", code: null };
  return others.reduce<Step>(
    ([before, effects], other) => {
      const [after, more] = meet(before, other, true, now);
      return [after, [...effects, ...more]];
    },
    [room, []],
  );
}

export function meet(room: SealedRoom, { peerId, away }: Met, earlier: boolean, now: number): Step {
  if (peerId === room.own.peerId || channelOf(room, peerId) !== undefined) return [room, []];
  const { fingerprint, commit, s } = room.own;
  const header: Header = { from: room.own.peerId, to: peerId, s, r: "", n: 0 };
  const hello: SealEffect = {
    do: "seal",
    header,
    text: writeLetter({ type: "hello", fingerprint, commit }),
  };
  return [{ ...room, channels: [...room.channels, meetIn(peerId, earlier, away, now)] }, [hello]];
}

export function part(room: SealedRoom, seat: string): Step {
  if (channelOf(room, seat) === undefined) return [room, []];
  return recount({ ...room, channels: room.channels.filter((channel) => channel.seat !== seat) });
}

export function presence(room: SealedRoom, seat: string, away: boolean, now: number): SealedRoom {
  const channel = channelOf(room, seat);
  return channel === undefined ? room : put(room, present(channel, away, now));
}

/** `data` of a message from a seat, and what came out when its letter was opened: null when our key does not open it. */
export function hear(
  room: SealedRoom,
  from: string,
  data: unknown,
  opened: Opened | null,
  muted: readonly MediaKind[],
): readonly [SealedRoom, readonly SealEffect[], News | null] {
  const channel = channelOf(room, from);
  if (channel === undefined) return [room, [], null];
  const envelope = readEnvelope(data);
  if (envelope === null || opened === null) {
    const kind = claimsToBeSealed(data) ? "forged" : "clear";
    return [noted(room, keyless(channel, kind)), [], null];
  }
  const result = hearIn(channel, room.own.s, envelope, opened);
  const next = noted(room, result);
  const { heard } = result;
  switch (heard.is) {
    case "hello": {
      const reveal: Letter = { type: "reveal", nonce: room.own.nonce };
      const [revealed, first] = tell(next, from, heard.s, reveal);
      const [told, second] = tell(revealed, from, heard.s, { type: "state", name: room.name, muted });
      return [told, [...first, ...second], null];
    }
    case "state": {
      const { seat, earlier, away } = result.channel;
      const fingerprint = proven(result.channel)?.fingerprint ?? "";
      const { name, muted: theirs } = heard.state;
      const news = {
        is: "state",
        seat,
        first: heard.first,
        earlier,
        away,
        fingerprint,
        name,
        muted: theirs,
      } as const;
      const [counted, effects] = heard.first ? recount(next) : [next, []];
      return [counted, effects, news];
    }
    case "signal": {
      const { signal } = heard;
      if (signal.kind !== "candidates" && fingerprintOf(signal.sdp) !== proven(result.channel)?.fingerprint) {
        return [alarmed(next, "fingerprint"), [], null];
      }
      return [next, [], { is: "signal", seat: from, signal }];
    }
    case "nothing":
      return [next, [], null];
  }
}

/** Offers, answers, candidates or mutes in clear, which nobody with the key says in a sealed room. */
export function hearClear(room: SealedRoom, from: string): SealedRoom {
  const channel = channelOf(room, from);
  return channel === undefined ? room : noted(room, keyless(channel, "clear"));
}

export function signalTo(room: SealedRoom, seat: string, signal: LinkSignal): Step {
  const channel = channelOf(room, seat);
  const session = channel === undefined ? null : proven(channel);
  return session === null ? [room, []] : tell(room, seat, session.s, { type: "signal", signal });
}

/** To all who have shown the key, and to those whom our first state was sent to already. */
export function tellState(room: SealedRoom, muted: readonly MediaKind[]): Step {
  const letter: Letter = { type: "state", name: room.name, muted };
  const receivers = room.channels.flatMap(({ seat, sessions }) => sessions.map(({ s }) => ({ seat, s })));
  return receivers.reduce<Step>(
    ([before, effects], { seat, s }) => {
      const [after, more] = tell(before, seat, s, letter);
      return [after, [...effects, ...more]];
    },
    [room, []],
  );
}

/** Asked about often; the same room when nobody's patience is at its end. */
export function wait(room: SealedRoom, now: number): SealedRoom {
  const channels = room.channels.map((channel) => waitedFor(channel, now));
  return channels.every((channel, i) => channel === room.channels[i]) ? room : { ...room, channels };
}

/** Our own line to the server was down: nobody could be heard meanwhile. */
export function listenAnew(room: SealedRoom, now: number): SealedRoom {
  return { ...room, channels: room.channels.map((channel) => present(channel, channel.away, now)) };
}

export function withCode(room: SealedRoom, gathered: string, code: RoomCode): SealedRoom {
  // Somebody may have come or gone while it was made.
  return gathered === room.gathered ? { ...room, code } : room;
}

/** Seats that have not shown the key in time, or never will. */
export function strangers(room: SealedRoom): readonly Channel[] {
  return room.channels.filter(({ trust }) => trust === "no-key");
}

function channelOf(room: SealedRoom, seat: string): Channel | undefined {
  return room.channels.find((channel) => channel.seat === seat);
}

function put(room: SealedRoom, channel: Channel): SealedRoom {
  return { ...room, channels: room.channels.map((each) => (each.seat === channel.seat ? channel : each)) };
}

function noted(room: SealedRoom, { channel, alarm }: Result): SealedRoom {
  const next = put(room, channel);
  return alarm === null ? next : alarmed(next, alarm);
}

function alarmed(room: SealedRoom, alarm: Alarm): SealedRoom {
  return room.alarms.includes(alarm) ? room : { ...room, alarms: [...room.alarms, alarm] };
}

function tell(room: SealedRoom, seat: string, s: string, letter: Letter): Step {
  const channel = channelOf(room, seat);
  const said = channel === undefined ? null : say(channel, s);
  if (said === null) return [room, []];
  const header: Header = { from: room.own.peerId, to: seat, s: room.own.s, r: s, n: said.n };
  return [put(room, said.channel), [{ do: "seal", header, text: writeLetter(letter) }]];
}

/** Who is here has changed, and the code with it. */
function recount(room: SealedRoom): Step {
  const others = room.channels.flatMap((channel) => {
    const session = proven(channel);
    return session === null || session.nonce === null
      ? []
      : [{ fingerprint: session.fingerprint, nonce: session.nonce }];
  });
  const gathered = others.length === 0 ? "" : gather([room.own, ...others]);
  if (gathered === room.gathered) return [room, []];
  return [{ ...room, gathered, code: null }, gathered === "" ? [] : [{ do: "make-code", gathered }]];
}
