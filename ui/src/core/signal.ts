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
  | { readonly kind: "candidate"; readonly candidate: Candidate; readonly pc: string | null };

export function toMessage(signal: LinkSignal, to: string): ClientMessage {
  const pc = signal.pc === null ? {} : { pc: signal.pc };
  if (signal.kind === "candidate") {
    return { type: "candidate", candidate: { ...signal.candidate, ...pc }, to };
  }
  const meant = signal.to === null ? {} : { to: signal.to };
  return { type: signal.kind, sdp: { type: signal.kind, sdp: signal.sdp, ...pc, ...meant }, to };
}

type Relayed = Extract<ServerMessage, { type: "offer" | "answer" | "candidate" }>;

/** Null when a peer sent what is no signal: it may be anything, since the server relays it unread. */
export function readSignal(message: Relayed): LinkSignal | null {
  if (message.type === "candidate") return readCandidate(message.candidate);
  const { sdp } = message;
  if (typeof sdp === "string") return { kind: message.type, sdp, pc: null, to: null };
  if (!isRecord(sdp) || typeof sdp.sdp !== "string") return null;
  return { kind: message.type, sdp: sdp.sdp, pc: name(sdp.pc), to: name(sdp.to) };
}

function readCandidate(value: unknown): LinkSignal | null {
  if (!isRecord(value) || typeof value.candidate !== "string") return null;
  const candidate: Candidate = {
    candidate: value.candidate,
    sdpMid: typeof value.sdpMid === "string" ? value.sdpMid : null,
    sdpMLineIndex: typeof value.sdpMLineIndex === "number" ? value.sdpMLineIndex : null,
    ...(typeof value.usernameFragment === "string" ? { usernameFragment: value.usernameFragment } : {}),
  };
  if (candidate.sdpMid === null && candidate.sdpMLineIndex === null) return null;
  return { kind: "candidate", candidate, pc: name(value.pc) };
}

function name(value: unknown): string | null {
  return typeof value === "string" && value.length <= 64 ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
