/** What was said over each link of the call, counted: the page's own events in, facts about its links out. */
import type { App, AppEvent, Effect } from "../app";
import type { LinkState } from "../ports";
import { byKey } from "../roster";
import type { LinkSignal } from "../signal";
import type { LinkFact } from "./facts";
import { PATIENCE } from "./links";

export type Watch = readonly WatchedLink[];

export interface WatchedLink {
  readonly key: string;
  readonly state: LinkState;
  /** Milliseconds since the Unix epoch, like all moments here. */
  readonly stateAt: number;
  readonly wasConnected: boolean;
  readonly unansweredSince: number | null;
  readonly leftAlone: boolean;
  /** What tells their last offer from others: its ICE user name, which a restart changes. */
  readonly lastOffer: string | null;
  readonly offersRepeated: number;
  readonly answersHeard: number;
  readonly answersSent: number;
  readonly candidatesSent: number;
  readonly candidatesHeard: number;
}

/** `effects` are what came of `event`. */
export function watch(links: Watch, event: AppEvent, effects: readonly Effect[], now: number): Watch {
  let next = links;
  if (event.type === "media" && event.event.type === "link-signal") {
    const { key, signal } = event.event;
    next = change(next, key, (link) => said(link, signal, now));
  }
  if (event.type === "media" && event.event.type === "link-state") {
    const { key, state } = event.event;
    next = change(next, key, (link) => ({
      state,
      stateAt: state === link.state ? link.stateAt : now,
      wasConnected: link.wasConnected || state === "connected",
    }));
  }
  for (const effect of effects) {
    if (effect.do === "open-link") next = [...without(next, effect.key), fresh(effect.key, now)];
    else if (effect.do === "close-link") next = without(next, effect.key);
    else if (effect.do === "signal")
      next = change(next, effect.key, (link) => heard(link, effect.signal, now));
  }
  return next;
}

/** `packets` of the last seconds by link; `numberOf` as the timeline counts people. */
export function linkFacts(
  links: Watch,
  { screen }: App,
  packets: ReadonlyMap<string, number>,
  numberOf: (key: string) => number,
  now: number,
): readonly LinkFact[] {
  if (screen.at !== "call") return [];
  const { call } = screen;
  return links.flatMap((link) => {
    const peer = byKey(call.peers, link.key);
    if (peer === undefined) return [];
    const { key, stateAt, unansweredSince, lastOffer: _, ...rest } = link;
    return [
      {
        ...rest,
        peer: numberOf(key),
        stateForMs: Math.max(0, now - stateAt),
        unansweredForMs: unansweredSince === null ? null : Math.max(0, now - unansweredSince),
        signalingUp: call.connection.is === "live" && peer.seat.is === "here",
        shouldSend: !peer.muted.includes("audio") || !peer.muted.includes("video"),
        packets: packets.get(key) ?? null,
      },
    ];
  });
}

/** Candidates may stand in a description, or travel by themselves. */
export function candidatesIn(signal: LinkSignal): number {
  if (signal.kind === "candidates") return signal.candidates.length;
  return signal.sdp.match(/^a=candidate:/gm)?.length ?? 0;
}

function fresh(key: string, now: number): WatchedLink {
  return {
    key,
    state: "new",
    stateAt: now,
    wasConnected: false,
    unansweredSince: null,
    leftAlone: false,
    lastOffer: null,
    offersRepeated: 0,
    answersHeard: 0,
    answersSent: 0,
    candidatesSent: 0,
    candidatesHeard: 0,
  };
}

function said(link: WatchedLink, signal: LinkSignal, now: number): Partial<WatchedLink> {
  const candidatesSent = link.candidatesSent + candidatesIn(signal);
  if (signal.kind === "offer") return { candidatesSent, unansweredSince: link.unansweredSince ?? now };
  if (signal.kind === "answer") return { candidatesSent, answersSent: link.answersSent + 1 };
  return { candidatesSent };
}

function heard(link: WatchedLink, signal: LinkSignal, now: number): Partial<WatchedLink> {
  const candidatesHeard = link.candidatesHeard + candidatesIn(signal);
  switch (signal.kind) {
    case "answer":
      return {
        candidatesHeard,
        answersHeard: link.answersHeard + 1,
        unansweredSince: null,
        leftAlone: false,
      };
    case "offer": {
      const lastOffer = /^a=ice-ufrag:(\S+)/m.exec(signal.sdp)?.[1] ?? null;
      const again = lastOffer !== null && lastOffer === link.lastOffer;
      const waited = link.unansweredSince !== null && now - link.unansweredSince >= PATIENCE;
      return {
        candidatesHeard,
        lastOffer,
        offersRepeated: link.offersRepeated + (again ? 1 : 0),
        // Theirs may stand, and ours be given up: in that case they have crossed.
        unansweredSince: null,
        leftAlone: link.leftAlone || waited,
      };
    }
    case "candidates":
      return { candidatesHeard };
  }
}

function change(links: Watch, key: string, by: (link: WatchedLink) => Partial<WatchedLink>): Watch {
  return links.map((link) => (link.key === key ? { ...link, ...by(link) } : link));
}

function without(links: Watch, key: string): Watch {
  return links.filter((link) => link.key !== key);
}
