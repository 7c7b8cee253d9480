/**
 * What happened in a call, in order: every message to and from the room, and every change of state. A bounded ring of
 * words and numbers from closed lists: no description, candidate, address, key, token, name or room is ever put in, so
 * that none can be taken out. People are numbered in the order of their coming; oneself is nobody.
 */
import type { App, AppEvent, Effect } from "../app";
import { candidatesIn } from "../doctor/watch";
import type { Opened } from "../seal/channel";
import { type Letter, readLetter } from "../seal/letter";
import type { LinkSignal } from "../signal";

export interface Timeline {
  readonly entries: readonly Entry[];
  /** Entries that were pushed out at the other end. */
  readonly dropped: number;
  /** Milliseconds since the Unix epoch: the first entry's. */
  readonly since: number;
  /** Seats and keys, in the order of their coming; their numbers are their places here, from 1. */
  readonly people: readonly string[];
}

export interface Entry {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly way: "out" | "in" | "state";
  /** A message's type, or what changed: `session`, `screen`, `link`, `ice`, `microphone`, `camera`, `network`. */
  readonly what: string;
  /** From whom, to whom or with whom; null for the server and for everybody. */
  readonly peer: number | null;
  /** Characters of the message's JSON; null for what is no message. */
  readonly size: number | null;
  /** More about it, in a few words of ours. */
  readonly note: string;
}

/** Hours of a calm call, minutes of a stormy one. */
export const MOST_ENTRIES = 2_000;
/** More than a room seats; whoever comes later shares one number. */
const MOST_PEOPLE = 256;

export function newTimeline(now: number): Timeline {
  return { entries: [], dropped: 0, since: now, people: [] };
}

/** `effects` are what came of `event`, which led from `before` to `after`. */
export function record(
  timeline: Timeline,
  before: App,
  event: AppEvent,
  after: App,
  effects: readonly Effect[],
  now: number,
): Timeline {
  // One that is over is kept until the next begins.
  const pen = new Pen(effects.some((effect) => effect.do === "join") ? newTimeline(now) : timeline, now);
  writeEvent(pen, before, event);
  if (before.screen.at !== after.screen.at) pen.state("screen", null, after.screen.at);
  for (const effect of effects) writeEffect(pen, effect);
  return pen.timeline;
}

/** The state of one link's ICE, DTLS or gathering, which only `media/` sees. */
export function recordLink(
  timeline: Timeline,
  key: string,
  what: string,
  state: string,
  now: number,
): Timeline {
  const pen = new Pen(timeline, now);
  pen.state(what, key, state);
  return pen.timeline;
}

/** From 1. */
export function numberOf(timeline: Timeline, seat: string): number {
  const place = timeline.people.indexOf(seat);
  return place < 0 ? timeline.people.length + 1 : place + 1;
}

/** Writes on one page. */
class Pen {
  constructor(
    public timeline: Timeline,
    private readonly now: number,
  ) {}

  state(what: string, seat: string | null, note: string): void {
    this.put("state", what, seat, null, note);
  }

  message(way: "out" | "in", what: string, seat: string | null, size: number | null, note = ""): void {
    this.put(way, what, seat, size, note);
  }

  private put(way: Entry["way"], what: string, seat: string | null, size: number | null, note: string): void {
    const peer = seat === null ? null : this.meet(seat);
    const { entries, dropped } = this.timeline;
    const full = entries.length >= MOST_ENTRIES;
    const kept = full ? entries.slice(1) : entries.slice();
    kept.push({ at: this.now, way, what, peer, size, note });
    this.timeline = { ...this.timeline, entries: kept, dropped: dropped + (full ? 1 : 0) };
  }

  private meet(seat: string): number {
    const number = numberOf(this.timeline, seat);
    const { people } = this.timeline;
    if (number > people.length && people.length < MOST_PEOPLE) {
      this.timeline = { ...this.timeline, people: [...people, seat] };
    }
    return Math.min(number, MOST_PEOPLE);
  }
}

function writeEvent(pen: Pen, before: App, event: AppEvent): void {
  if (event.type === "session") writeSession(pen, event);
  if (event.type !== "media") return;
  const { event: media } = event;
  if (media.type === "link-state") pen.state("link", media.key, media.state);
  else if (media.type === "device-lost") pen.state(media.kind, null, "lost");
  else if (media.type === "device") {
    const was = before.devices[media.kind];
    const { state, problem } = media.live;
    if (was.state !== state || was.problem !== problem) {
      pen.state(media.kind, null, problem === null ? state : `${state}: ${problem}`);
    }
  }
}

function writeSession(pen: Pen, { event, aside }: Extract<AppEvent, { type: "session" }>): void {
  switch (event.type) {
    case "connecting":
      pen.state("session", null, `connecting, attempt ${event.attempt}`);
      return;
    case "away":
      pen.state("session", null, `away (${event.reason}), again in ${event.retryInMs} ms`);
      return;
    case "waiting":
      pen.state("session", null, "at the door");
      return;
    case "joined": {
      const others = event.joined.peers.length;
      pen.message(
        "in",
        "joined",
        null,
        sizeOf(event.joined),
        `${others} ${others === 1 ? "other" : "others"}`,
      );
      return;
    }
    case "resumed":
      pen.message("in", "resumed", null, null, `${event.replayed} replayed`);
      return;
    case "ended":
      pen.state("session", null, `ended: ${event.reason}`);
      return;
    case "settled": {
      const { outcome } = event;
      if (outcome.type === "failed") pen.message("in", "error", null, null, outcome.code);
      else pen.message("in", "ack", null, null, `${outcome.delivered} delivered, ${outcome.queued} kept`);
      return;
    }
    case "message": {
      const { message } = event;
      const from = "from" in message ? message.from : "peerId" in message ? message.peerId : null;
      const note = aside?.is === "opened" ? letterNote(aside.opened) : reasonOf(message);
      pen.message("in", message.type, from, sizeOf(message), note);
      return;
    }
  }
}

function writeEffect(pen: Pen, effect: Effect): void {
  switch (effect.do) {
    case "join":
      pen.message("out", "join", null, sizeOf(effect.request), effect.seal === null ? "in clear" : "sealed");
      return;
    case "leave":
      pen.message("out", "leave", null, null);
      return;
    case "send": {
      const { message } = effect;
      const to = "to" in message && message.to !== undefined ? message.to : null;
      pen.message("out", message.type, to, sizeOf(message));
      return;
    }
    case "seal":
      pen.message("out", "message", effect.header.to, effect.text.length, noteOf(readLetter(effect.text)));
      return;
    case "open-link":
      pen.state("link", effect.key, effect.offer ? "opened, offering" : "opened");
      return;
    case "rebind-link":
      pen.state("link", effect.key, "bound to another seat");
      return;
    case "close-link":
      pen.state("link", effect.key, "closed");
      return;
    case "signal":
    case "make-code":
    case "wish":
    case "retry-devices":
    case "chime":
    case "save":
    case "show-link":
      return;
  }
}

function letterNote(opened: Opened | null): string {
  return opened === null ? "cannot be opened" : noteOf(readLetter(opened.text));
}

function noteOf(letter: Letter | null): string {
  if (letter === null) return "sealed: a word that is not known";
  return `sealed: ${letter.type === "signal" ? signalNote(letter.signal) : letter.type}`;
}

function signalNote(signal: LinkSignal): string {
  const count = candidatesIn(signal);
  const candidates = `${count} ${count === 1 ? "candidate" : "candidates"}`;
  if (signal.kind === "candidates") return candidates;
  return count === 0 ? signal.kind : `${signal.kind} with ${candidates}`;
}

/** Only from the server's closed list; what people write is not for others to read. */
function reasonOf(message: {
  readonly type: string;
  readonly reason?: unknown;
  readonly code?: unknown;
}): string {
  if (message.type === "peer-left") return known(message.reason, ["left", "timeout", "kicked"]);
  return message.type === "error" && typeof message.code === "string" && /^[a-z-]{1,32}$/.test(message.code)
    ? message.code
    : "";
}

function known(value: unknown, list: readonly string[]): string {
  return typeof value === "string" && list.includes(value) ? value : "";
}

function sizeOf(message: unknown): number {
  return JSON.stringify(message)?.length ?? 0;
}
