/**
 * Offers, answers and candidates as they travel. Beside what every WebRTC client sends they carry `pc`, the name of the
 * sender's peer connection, and `to`, the one it is meant for: after a restart of the server or a reload of one page the
 * two ends see from it whether they still mean the same pair. A client that sends neither is taken at its word.
 */
import type { ClientMessage } from "../generated/ClientMessage";
import type { ServerMessage } from "../generated/ServerMessage";
import type { Candidate } from "./negotiation";

export type LinkSignal =
  | {
      readonly kind: "offer" | "answer";
      readonly sdp: string;
      readonly pc: string | null;
      readonly to: string | null;
    }
  /** Those that were found within a few milliseconds of one another; never none. */
  | { readonly kind: "candidates"; readonly candidates: readonly Candidate[]; readonly pc: string | null };

/** In a room without a key, where each candidate is a message of its own, as in every tutorial. */
export function toMessages(signal: LinkSignal, to: string): readonly ClientMessage[] {
  const pc = signal.pc === null ? {} : { pc: signal.pc };
  if (signal.kind === "candidates") {
    return signal.candidates.map((candidate) => ({
      type: "candidate",
      candidate: { ...candidate, ...pc },
      to,
    }));
  }
  const meant = signal.to === null ? {} : { to: signal.to };
  return [{ type: signal.kind, sdp: { type: signal.kind, sdp: signal.sdp, ...pc, ...meant }, to }];
}

type Relayed = Extract<ServerMessage, { type: "offer" | "answer" | "candidate" }>;

/** Null when a peer sent what is no signal: it may be anything, since the server relays it unread. */
export function readRelayed(message: Relayed): LinkSignal | null {
  if (message.type === "candidate") {
    const pc = isRecord(message.candidate) ? message.candidate.pc : null;
    return readSignal({ kind: "candidates", candidates: [message.candidate], pc });
  }
  const { sdp } = message;
  if (typeof sdp === "string") return { kind: message.type, sdp, pc: null, to: null };
  return isRecord(sdp) ? readSignal({ ...sdp, kind: message.type }) : null;
}

/** A signal as it stands in a sealed letter; null for what is none, since whoever has the key may write anything. */
export function readSignal(value: unknown): LinkSignal | null {
  if (!isRecord(value)) return null;
  const pc = name(value.pc);
  if (value.kind === "offer" || value.kind === "answer") {
    return typeof value.sdp === "string"
      ? { kind: value.kind, sdp: value.sdp, pc, to: name(value.to) }
      : null;
  }
  if (value.kind !== "candidates" || !Array.isArray(value.candidates)) return null;
  const candidates = value.candidates.slice(0, MAX_CANDIDATES).flatMap((each) => readCandidate(each) ?? []);
  return candidates.length === 0 ? null : { kind: "candidates", candidates, pc };
}

const MAX_CANDIDATES = 64;

function readCandidate(value: unknown): Candidate | null {
  if (!isRecord(value) || typeof value.candidate !== "string") return null;
  const candidate: Candidate = {
    candidate: value.candidate,
    sdpMid: typeof value.sdpMid === "string" ? value.sdpMid : null,
    sdpMLineIndex: typeof value.sdpMLineIndex === "number" ? value.sdpMLineIndex : null,
    ...(typeof value.usernameFragment === "string" ? { usernameFragment: value.usernameFragment } : {}),
  };
  return candidate.sdpMid === null && candidate.sdpMLineIndex === null ? null : candidate;
}

function name(value: unknown): string | null {
  return typeof value === "string" && value.length <= 64 ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
