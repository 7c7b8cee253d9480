/**
 * What was looked at, as plain numbers and words: no address, no name, no description, nothing secret, so that all of it
 * can be handed to somebody else. Null means that it was not looked at, or could not be found out.
 */
import type { EndReason } from "../../generated/EndReason";
import type { LinkState } from "../ports";
import type { DeviceProblem } from "../view-model";
import type { EchoHeard } from "./likeness";

export interface Facts {
  readonly camera: DeviceFact | null;
  readonly microphone: (DeviceFact & { readonly level?: number | null }) | null;
  /** How many there are to play on; null where the webview does not tell. */
  readonly speakers: number | null;
  readonly echo: EchoFact | null;
  readonly signaling: SignalingFact | null;
  /** Milliseconds by which our clock is ahead of the server's. */
  readonly clockAheadMs: number | null;
  readonly network: NetworkFact | null;
  readonly relays: readonly RelayFact[] | null;
  readonly seenAs: SeenAs | null;
  readonly path: PathFact | null;
  readonly links: readonly LinkFact[] | null;
  readonly voices: VoicesFact | null;
}

export const NOTHING_KNOWN: Facts = {
  camera: null,
  microphone: null,
  speakers: null,
  echo: null,
  signaling: null,
  clockAheadMs: null,
  network: null,
  relays: null,
  seenAs: null,
  path: null,
  links: null,
  voices: null,
};

/** `level` of a microphone: the loudest moment, 0 to 1; null where it could not be measured. */
export type DeviceFact =
  | { readonly is: "works" }
  | { readonly is: "failed"; readonly problem: DeviceProblem };

/** A tone on the speaker, and what of it the microphone heard: loudness of that pitch, 0 to 1. */
export interface EchoFact {
  readonly before: number;
  readonly during: number;
}

export type SignalingFact =
  | { readonly is: "reached"; readonly roundTripMs: number }
  | { readonly is: "unreachable" }
  /** It answered, and gave no seat. */
  | { readonly is: "refused"; readonly reason: EndReason };

export interface NetworkFact {
  /** Candidates that were gathered, by kind; those over TCP are not counted under `host`. */
  readonly host: number;
  readonly reflexive: number;
  readonly relayed: number;
  /** STUN servers that were asked by UDP, and those that did not answer; null where the webview does not tell. */
  readonly stunAsked: number;
  readonly stunSilent: number | null;
  /** Which local socket (any number) is seen from outside as which (any number). */
  readonly mappings: readonly { readonly base: number; readonly mapped: number }[];
}

/** What the relay sees of us: an address of our own, the one that STUN saw, or a third one. */
export type SeenAs = "host" | "srflx" | "prflx";

export type RelayTransport = "udp" | "tcp" | "tls";

export interface RelayFact {
  readonly transport: RelayTransport;
  readonly result:
    | { readonly is: "works" }
    /** With a code of STUN: 401 for credentials that are not taken, 486 and 508 for one that is full. */
    | { readonly is: "refused"; readonly code: number }
    | { readonly is: "silent" }
    /** It gave an address, and nothing got through. */
    | { readonly is: "no-traffic" };
}

/** From this page to the relay and back. */
export interface PathFact {
  readonly transport: RelayTransport;
  readonly sent: number;
  readonly received: number;
  readonly roundTripMs: number | null;
  readonly jitterMs: number | null;
  /** At least so much; null where it was not measured. */
  readonly bitsPerSecond: number | null;
}

/** The link to one other page. Times are milliseconds until now. */
export interface LinkFact {
  /** As the timeline numbers people. */
  readonly peer: number;
  readonly state: LinkState;
  readonly stateForMs: number;
  readonly wasConnected: boolean;
  /** Our seat and theirs are both known to the server. */
  readonly signalingUp: boolean;
  /** The oldest offer of ours that nothing answered. */
  readonly unansweredForMs: number | null;
  /** An offer of ours was left alone for so long that theirs cannot have crossed it. */
  readonly leftAlone: boolean;
  /** Times that they made the very same offer again, as who has no answer does. */
  readonly offersRepeated: number;
  readonly answersHeard: number;
  readonly answersSent: number;
  readonly candidatesSent: number;
  readonly candidatesHeard: number;
  /** They say that they send something. */
  readonly shouldSend: boolean;
  /** Packets that came in the last seconds; null where nobody counted. */
  readonly packets: number | null;
}

/** Whether voices come back, as far as it was heard while somebody spoke in the call. */
export interface VoicesFact {
  /** Those of the others, in our microphone; null where that cannot be. */
  readonly own: EchoHeard | null;
  /** Ours, in what comes of each of the others. */
  readonly others: readonly { readonly peer: number; readonly heard: EchoHeard }[];
}
