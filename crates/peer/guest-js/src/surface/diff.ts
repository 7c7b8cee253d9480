// What a snapshot changes about the remote's tracks, in the order in which the page must hear of it. Pure.
import type { Kind, Snapshot, TransceiverSnapshot } from "../wire";
import { parseSdp, receives, sends } from "./sdp";

/** What the page knew of a transceiver before. */
export interface Known {
  number: number;
  /** The page has been told that the remote sends on it. */
  receiving: boolean;
  /** Ids of the remote streams its track is part of. */
  streams: string[];
}

export interface Change {
  /** Transceivers that the remote description made. */
  created: { number: number; kind: Kind }[];
  /** Those it made and a rollback took away. */
  vanished: number[];
  muted: number[];
  removed: { number: number; stream: string }[];
  added: { number: number; stream: string }[];
  /** For the `track` event, with all the streams of each. */
  tracks: { number: number; streams: string[] }[];
  /** Of all that live on: whether the remote sends now. */
  receiving: Map<number, boolean>;
}

/** The stream of what a remote sends without saying which stream it belongs to. */
const DEFAULT_STREAM = "default";

export function diff(known: Known[], snapshot: Snapshot): Change {
  const change: Change = {
    created: [],
    vanished: [],
    muted: [],
    removed: [],
    added: [],
    tracks: [],
    receiving: new Map(),
  };
  const former = new Map(known.map((one) => [one.number, one]));
  const remote = snapshot.pendingRemote ?? snapshot.currentRemote;
  const sections = remote ? parseSdp(remote.sdp).sections : [];

  for (const next of snapshot.transceivers) {
    const number = next.transceiver;
    const one = former.get(number) ?? { number, receiving: false, streams: [] };
    if (!former.delete(number)) change.created.push({ number, kind: next.kind });
    const section = next.mid === null ? undefined : sections.find((candidate) => candidate.mid === next.mid);
    const receiving = section !== undefined && !section.rejected && hears(section.direction, next, snapshot);
    change.receiving.set(number, receiving);
    if (one.receiving && !receiving) change.muted.push(number);
    const streams = receiving && section ? (section.identified ? section.streams : [DEFAULT_STREAM]) : [];
    const grown = streams.some((stream) => !one.streams.includes(stream));
    for (const stream of one.streams) if (!streams.includes(stream)) change.removed.push({ number, stream });
    for (const stream of streams) if (!one.streams.includes(stream)) change.added.push({ number, stream });
    if (receiving && (!one.receiving || grown)) change.tracks.push({ number, streams });
  }
  for (const one of former.values()) {
    change.vanished.push(one.number);
    if (one.receiving) change.muted.push(one.number);
    for (const stream of one.streams) change.removed.push({ number: one.number, stream });
  }
  return change;
}

/** An offer promises what the remote will send; once it is answered, both ends must agree. */
function hears(theirs: RTCRtpTransceiverDirection, next: TransceiverSnapshot, snapshot: Snapshot): boolean {
  if (next.stopped || !sends(theirs)) return false;
  return snapshot.signalingState !== "stable" || receives(next.currentDirection);
}
