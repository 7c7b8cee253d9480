/**
 * What is known of one seat of a sealed room, as seen from ours. The server gives seats to whom it likes, so a seat is
 * nobody until it has shown that it holds the room's key and speaks now, and not in an earlier call.
 *
 * ```text
 *               reveal and state, bound to our session
 *   checking ---------------------------------------------> sealed
 *      |                                                      ^
 *      |  spoke in clear, or without the key, or too long     |
 *      +------------------> no-key ---------------------------+
 * ```
 * Both say `hello` when they meet, with the commitment to what they will reveal. Whoever hears a hello answers the session
 * that said it with `reveal` and `state`; these are bound to both sessions, so they cannot be old. Only then are signals
 * exchanged.
 */
import type { Envelope } from "./envelope";
import { type Letter, readLetter } from "./letter";

export interface Channel {
  /** The peerId of the seat. */
  readonly seat: string;
  /** It sat here before us. */
  readonly earlier: boolean;
  readonly away: boolean;
  /** Milliseconds since the Unix epoch: when it was here and could be heard. */
  readonly since: number;
  readonly trust: Trust;
  /** Those who said hello from this seat, in that order; only the one that proved itself once there is one. */
  readonly sessions: readonly Session[];
}

export type Trust = "checking" | "no-key" | "sealed";

export interface Session {
  readonly s: string;
  readonly fingerprint: string;
  readonly commit: string;
  /** Its part of the code; null until it is revealed. */
  readonly nonce: string | null;
  /** The number of the last letter to it, and of the last one from it. */
  readonly sent: number;
  readonly heard: number;
}

/** What a letter turned out to be, when it was opened. */
export interface Opened {
  readonly text: string;
  /** SHA-256 of the text, in lower-case hexadecimal. */
  readonly digest: string;
}

export type Heard =
  /** Somebody to be answered. */
  | { readonly is: "hello"; readonly s: string }
  /** The first state of one who has just proved itself, or a later one. */
  | { readonly is: "state"; readonly first: boolean; readonly state: Extract<Letter, { type: "state" }> }
  | { readonly is: "signal"; readonly signal: Extract<Letter, { type: "signal" }>["signal"] }
  | { readonly is: "nothing" };

/** What an honest server and an honest peer never do. */
export type Alarm =
  /** A letter that was changed on its way, or is not from whom it claims to be. */
  | "forged"
  /** A letter of another session, or one that was heard before. */
  | "replayed"
  /** Letters before this one never came. */
  | "missing"
  /** Something in clear from one who has the key. */
  | "clear"
  /** A description of another certificate than the one that was vouched for. */
  | "fingerprint";

export interface Result {
  readonly channel: Channel;
  readonly heard: Heard;
  readonly alarm: Alarm | null;
}

export function meet(seat: string, earlier: boolean, away: boolean, now: number): Channel {
  return { seat, earlier, away, since: now, trust: "checking", sessions: [] };
}

/** Something came that needs no key: no letter, or one that our key does not open. */
export function keyless(channel: Channel, kind: "clear" | "forged"): Result {
  if (channel.trust === "sealed") return { channel, heard: NOTHING, alarm: kind };
  return { channel: { ...channel, trust: "no-key" }, heard: NOTHING, alarm: null };
}

/** A letter that our key opened. `own` is the name of our session. */
export function hear(
  channel: Channel,
  own: string,
  envelope: Pick<Envelope, "s" | "r" | "n">,
  opened: Opened,
): Result {
  const letter = readLetter(opened.text);
  if (letter?.type === "hello") return hello(channel, envelope, letter);
  const session = channel.sessions.find(({ s }) => s === envelope.s);
  if (envelope.r !== own || session === undefined || envelope.n <= session.heard) {
    return { channel, heard: NOTHING, alarm: "replayed" };
  }
  const alarm = envelope.n > session.heard + 1 ? "missing" : null;
  const next = { ...session, heard: envelope.n };
  switch (letter?.type) {
    case "reveal":
      if (session.nonce !== null || envelope.n !== 1 || opened.digest !== session.commit) {
        return { channel, heard: NOTHING, alarm: "forged" };
      }
      return { channel: put(channel, { ...next, nonce: letter.nonce }), heard: NOTHING, alarm };
    case "state": {
      if (session.nonce === null) return { channel, heard: NOTHING, alarm: "missing" };
      const first = channel.trust !== "sealed";
      const proven: Channel = { ...channel, trust: "sealed", sessions: [next] };
      return { channel: proven, heard: { is: "state", first, state: letter }, alarm };
    }
    case "signal":
      if (channel.trust !== "sealed") return { channel, heard: NOTHING, alarm: "missing" };
      return { channel: put(channel, next), heard: { is: "signal", signal: letter.signal }, alarm };
    // A word that only a newer Snug has.
    case undefined:
      return { channel: put(channel, next), heard: NOTHING, alarm };
  }
}

/** The channel after a letter to its session `s`, and that letter's number. Null when nothing may be said to it. */
export function say(channel: Channel, s: string): { channel: Channel; n: number } | null {
  const session = channel.sessions.find((each) => each.s === s);
  if (session === undefined) return null;
  const n = session.sent + 1;
  return { channel: put(channel, { ...session, sent: n }), n };
}

/** The one session that proved itself. */
export function proven({ trust, sessions }: Channel): Session | null {
  return trust === "sealed" ? (sessions[0] ?? null) : null;
}

export function present(channel: Channel, away: boolean, now: number): Channel {
  return { ...channel, away, since: now };
}

/** Whoever has the key says so within this time, in milliseconds, unless it is away. */
export const PATIENCE = 10_000;

export function waitedFor(channel: Channel, now: number): Channel {
  const late = channel.trust === "checking" && !channel.away && now - channel.since > PATIENCE;
  return late ? { ...channel, trust: "no-key" } : channel;
}

const NOTHING: Heard = { is: "nothing" };
/** A page says hello once to each seat; more are old ones, and the true one may be among them or still come. */
const MAX_SESSIONS = 4;

function hello(
  channel: Channel,
  { s, r, n }: Pick<Envelope, "s" | "r" | "n">,
  { fingerprint, commit }: Extract<Letter, { type: "hello" }>,
): Result {
  const again = channel.sessions.some((session) => session.s === s);
  if (r !== "" || n !== 0 || again || channel.trust === "sealed" || channel.sessions.length >= MAX_SESSIONS) {
    return { channel, heard: NOTHING, alarm: "replayed" };
  }
  const session: Session = { s, fingerprint, commit, nonce: null, sent: 0, heard: 0 };
  return {
    channel: { ...channel, sessions: [...channel.sessions, session] },
    heard: { is: "hello", s },
    alarm: channel.sessions.length === 0 ? null : "replayed",
  };
}

function put(channel: Channel, session: Session): Channel {
  return { ...channel, sessions: channel.sessions.map((each) => (each.s === session.s ? session : each)) };
}
