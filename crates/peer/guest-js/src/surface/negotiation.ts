// Is negotiation needed? (WebRTC 4.7.3.) Pure.
import type { Description, Direction } from "../wire";
import { directionOf, parseSdp, receives, reversed, sends } from "./sdp";

export interface NegotiationView {
  currentLocal: Description | null;
  currentRemote: Description | null;
  /** ICE credentials that `restartIce` wants replaced. */
  replacing: boolean;
  /** Data channels were made since the connection began. */
  hasChannels: boolean;
  transceivers: {
    mid: string | null;
    stopping: boolean;
    stopped: boolean;
    direction: Direction;
    /** Ids of the streams the sender is part of, and those that the last local description said. */
    streams: string[];
    advertised: string[];
  }[];
}

export function negotiationNeeded(view: NegotiationView): boolean {
  if (view.replacing) return true;
  const local = view.currentLocal ? parseSdp(view.currentLocal.sdp).sections : [];
  const remote = view.currentRemote ? parseSdp(view.currentRemote.sdp).sections : [];
  if (view.hasChannels && !local.some((section) => section.kind === "application" && !section.rejected))
    return true;
  return view.transceivers.some(({ mid, stopping, stopped, direction, streams, advertised }) => {
    if (stopped) return false;
    if (stopping) return true;
    const ours = mid === null ? undefined : local.find((section) => section.mid === mid);
    if (!ours) return true;
    const theirs = remote.find((section) => section.mid === mid);
    if (sends(direction) && !sameMembers(advertised, streams)) return true;
    if (view.currentLocal?.type === "offer") {
      return ours.direction !== direction && (!theirs || reversed(theirs.direction) !== direction);
    }
    // Our answer could not go beyond what the offer allowed.
    const offered = theirs ? reversed(theirs.direction) : "inactive";
    return ours.direction !== intersection(direction, offered);
  });
}

function intersection(one: Direction, other: Direction): Direction {
  return directionOf(sends(one) && sends(other), receives(one) && receives(other));
}

function sameMembers(one: string[], other: string[]): boolean {
  const members = new Set(other);
  return new Set(one).size === members.size && one.every((member) => members.has(member));
}
