import type { ClientFrame } from "../../generated/ClientFrame";
import type { ClientMessage } from "../../generated/ClientMessage";
import type { ErrorCode } from "../../generated/ErrorCode";
import type { MediaKind } from "../../generated/MediaKind";
import type { Outcome } from "../../generated/Outcome";
import type { Config } from "./config";

/**
 * The messages whose fate is open, in the order they were sent, and what has been said about muting.
 *
 * Two numbers meet here. The *id* is the caller's: the n-th send of the session. The *wire* number is the server's: it
 * starts at 1 with each seat, because a new seat is a new count. A re-announced mute has a wire number and no id.
 */
export interface Outbox {
  readonly entries: readonly Entry[];
  readonly nextWire: number;
  /** The last thing said about each kind: true is muted. */
  readonly muted: Readonly<Partial<Record<MediaKind, boolean>>>;
}

interface Entry {
  readonly id: number | null;
  readonly wire: number;
  readonly message: ClientMessage;
  readonly bytes: number;
  /** Whether it was ever handed to a socket. */
  readonly sent: boolean;
}

export type Settled = { readonly id: number; readonly outcome: Outcome };

export const emptyOutbox: Outbox = { entries: [], nextWire: 1, muted: {} };

/** In the order in which they are announced: that of the protocol's own list. */
const kinds: readonly MediaKind[] = ["audio", "video", "screen"];

/** Room for a frame's own `id` field, in bytes. */
const ID_BYTES = 32;

/** Takes a message in, or says what it has to be settled with. */
export function push(outbox: Outbox, config: Config, id: number, message: ClientMessage): Outbox | Outcome {
  if (message.type === "join" || message.type === "leave" || message.type === "ping") {
    return failed("bad-message", "only the session itself says this");
  }
  const bytes = sizeOf(message) + ID_BYTES;
  if (bytes > config.frameBytes) return failed("too-large", "longer than a frame may be");
  const held = outbox.entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (outbox.entries.length >= config.outboxMessages || held + bytes > config.outboxBytes) {
    return failed("unavailable", "the outbox is full");
  }
  const kind = ownState(message);
  return {
    entries: [...outbox.entries, { id, wire: outbox.nextWire, message, bytes, sent: false }],
    nextWire: outbox.nextWire + 1,
    muted: kind === null ? outbox.muted : { ...outbox.muted, [kind]: message.type === "mute" },
  };
}

/** The frames that this socket has not carried yet: all of them after a resume, the new one after a send. */
export function unsent(outbox: Outbox): [Outbox, ClientFrame[]] {
  const frames = outbox.entries
    .filter((entry) => !entry.sent)
    .map((entry) => ({ id: entry.wire, ...entry.message }));
  return [{ ...outbox, entries: outbox.entries.map((entry) => ({ ...entry, sent: true })) }, frames];
}

/** The size of the message that has waited longest for its answer; null when none waits. */
export function oldestBytes(outbox: Outbox): number | null {
  return outbox.entries.find((entry) => entry.sent)?.bytes ?? null;
}

/**
 * The same seat on a new socket: everything unsettled goes out again, under its old numbers, which the server uses to
 * tell what it has handled already.
 */
export function resumeOutbox(outbox: Outbox): Outbox {
  return { ...outbox, entries: outbox.entries.map((entry) => ({ ...entry, sent: false })) };
}

/**
 * A fresh seat: the count starts anew. What becomes of the messages meant for an earlier seat is the table of
 * `Outbox::reseat` in crates/session: addressed ones and negotiation fail with `no-such-peer`; others that had been on
 * a socket fail with `unavailable`, since they may have arrived; the rest is sent now; muting is announced anew.
 */
export function reseat(outbox: Outbox, hadSeat: boolean): [Outbox, Settled[]] {
  const over: Settled[] = [];
  const kept: Omit<Entry, "wire">[] = [];
  if (hadSeat) {
    const pending = outbox.entries.map((entry) => ownState(entry.message));
    for (const kind of kinds) {
      if (outbox.muted[kind] !== true || pending.includes(kind)) continue;
      const message: ClientMessage = { type: "mute", kind };
      kept.push({ id: null, message, bytes: sizeOf(message) + ID_BYTES, sent: false });
    }
  }
  for (const entry of outbox.entries) {
    const outcome = hadSeat ? fate(entry) : null;
    if (outcome === null) kept.push(entry);
    else if (entry.id !== null) over.push({ id: entry.id, outcome });
  }
  const entries = kept.map((entry, at) => ({ ...entry, sent: false, wire: at + 1 }));
  return [{ entries, nextWire: entries.length + 1, muted: outbox.muted }, over];
}

/**
 * The server answered wire number `wire`: whose it was, null when no caller asked. Undefined when nothing waits for it.
 */
export function settle(outbox: Outbox, wire: number): [Outbox, id: number | null | undefined] {
  const entry = outbox.entries.find((each) => each.wire === wire);
  if (!entry) return [outbox, undefined];
  return [{ ...outbox, entries: outbox.entries.filter((each) => each !== entry) }, entry.id];
}

/** The ids that are still open. */
export function open(outbox: Outbox): number[] {
  return outbox.entries.flatMap((entry) => (entry.id === null ? [] : [entry.id]));
}

export function failed(code: ErrorCode, message: string): Outcome & { type: "failed" } {
  return { type: "failed", code, message };
}

/** What the loss of the seat makes of a message; null when it survives. */
function fate(entry: Entry): Outcome | null {
  const gone = failed("no-such-peer", "it was meant for a seat that is gone");
  const { message } = entry;
  switch (message.type) {
    case "offer":
    case "answer":
    case "candidate":
      return gone;
    case "message":
      if (message.to != null) return gone;
      return entry.sent ? failed("unavailable", "the seat was lost before the server answered") : null;
    case "mute":
      return message.to != null ? gone : null;
    // What was published is announced anew with the new links.
    case "publish":
    case "unpublish":
    case "subscribe":
    case "unsubscribe":
    case "kick":
    case "admit":
    case "deny":
      return gone;
    case "lock":
    case "unlock":
    case "end":
      return entry.sent ? failed("unavailable", "the seat was lost before the server answered") : null;
    case "unmute":
    case "join":
    case "leave":
    case "ping":
      return null;
  }
}

function ownState(message: ClientMessage): MediaKind | null {
  if (message.type === "unmute") return message.kind;
  return message.type === "mute" && message.to == null ? message.kind : null;
}

/** About the message's length as JSON, in bytes. An estimate that both languages can make the same way. */
function sizeOf(message: ClientMessage): number {
  const FIELDS = 48;
  const to = "to" in message && message.to != null ? bytesOf(message.to) : 0;
  return FIELDS + to + bodyOf(message);
}

function bodyOf(message: ClientMessage): number {
  switch (message.type) {
    case "offer":
    case "answer":
      return bytesOf(JSON.stringify(message.sdp) ?? "");
    case "candidate":
      return bytesOf(JSON.stringify(message.candidate) ?? "");
    case "message":
      return bytesOf(JSON.stringify(message.data) ?? "");
    case "publish":
      return bytesOf(message.trackId) + bytesOf(message.source ?? "");
    case "unpublish":
      return bytesOf(message.trackId);
    case "subscribe":
    case "unsubscribe":
      return bytesOf(message.trackId) + bytesOf(message.from);
    case "kick":
    case "deny":
      return bytesOf(message.peerId) + bytesOf(message.reason ?? "");
    case "admit":
      return bytesOf(message.peerId);
    case "end":
      return bytesOf(message.reason ?? "");
    case "lock":
    case "unlock":
    case "mute":
    case "unmute":
    case "join":
    case "leave":
    case "ping":
      return 0;
  }
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
