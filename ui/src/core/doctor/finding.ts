import type { Facts } from "./facts";

/** How bad it is; `unknown` is what could not be found out. In this order they are shown. */
export type Severity = "broken" | "warning" | "unknown" | "fine";

export const SEVERITIES: readonly Severity[] = ["broken", "warning", "unknown", "fine"];

/** One thing that was found: its sentence and its fix are in `core/words`, under the code. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** The figure that the sentence tells, rounded and with its unit; empty where it tells none. */
  readonly value: string;
  /** The one it is about, as the timeline numbers people; null where it is about nobody else. */
  readonly peer: number | null;
}

export type FindingCode =
  | "camera-works"
  | "camera-denied"
  | "camera-missing"
  | "camera-busy"
  | "camera-insecure"
  | "camera-unknown"
  | "microphone-works"
  | "microphone-silent"
  | "microphone-denied"
  | "microphone-missing"
  | "microphone-busy"
  | "microphone-insecure"
  | "microphone-unknown"
  | "speaker-works"
  | "speaker-missing"
  | "speaker-unknown"
  | "echo"
  | "no-echo"
  | "echo-unknown"
  | "echo-returned"
  | "server-reached"
  | "server-slow"
  | "server-unreachable"
  | "server-refuses"
  | "clock-right"
  | "clock-wrong"
  | "clock-unknown"
  | "udp-works"
  | "udp-blocked"
  | "udp-blocked-no-relay"
  | "udp-unknown"
  | "nat-open"
  | "nat-steady"
  | "nat-symmetric"
  | "nat-symmetric-no-relay"
  | "nat-unknown"
  | "relay-works"
  | "relay-absent"
  | "relay-refused"
  | "relay-full"
  | "relay-silent"
  | "relay-stuck"
  | "path-good"
  | "path-lossy"
  | "path-jittery"
  | "path-slow"
  | "path-narrow"
  | "link-good"
  | "link-waiting"
  | "offer-unanswered"
  | "answer-lost"
  | "candidates-missing"
  | "ice-stuck"
  | "media-missing"
  | "media-lost"
  | "line-down";

export type Rule = (facts: Facts) => readonly Finding[];

export function found(
  code: FindingCode,
  severity: Severity,
  value = "",
  peer: number | null = null,
): Finding {
  return { code, severity, value, peer };
}

/** "12 ms", as in both languages. */
export function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

export function percent(part: number): string {
  return `${Math.round(part * 1000) / 10} %`;
}

/** "3.2 Mbit/s". */
export function rate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6
    ? `${Math.round(bitsPerSecond / 1e5) / 10} Mbit/s`
    : `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}
